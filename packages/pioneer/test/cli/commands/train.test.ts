import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { verifyCheckpoint } from "../../../src/checkpoint/verify.ts";
import { headingHeight } from "../../../src/pictures/lettering.ts";
import type { TickEvent } from "../../../src/train/events.ts";
import { checkpoints, fingerprint, type Outcome, pioneer, tiny } from "../../support/cli.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = temporaryFolder();
const run = join(folder, "run");
let data: string;
let trained: Outcome;
// To 8x8: 0.21 kimg in phase 0, 0.42 in phase 1.
beforeAll(async () => {
  data = (await makePack(folder, 40, 16, discs)).path;
  trained = await pioneer(folder, [
    "train",
    "--data",
    data,
    "--run",
    "run",
    "--resolution",
    "8",
    "--grid-kimg",
    "0.3",
    ...tiny,
  ]);
});

describe("a short run", () => {
  test("ends with 0, its lines on stdout and nothing on stderr", () => {
    expect(trained.stderr).toBe("");
    expect(trained.code).toBe(0);
    const lines = trained.stdout
      .replace(/^(trying steps of .*\n)+/, "")
      .trimEnd()
      .split("\n");
    expect(lines[0]).toMatch(/^tried the last phase: a step at 8x8 with batch 8 takes [\d.e-]+ s and \d+ MiB$/);
    expect(lines[1]).toMatch(
      /^training run on 3\d images of .*photos-40-16\.pack, from the start to 0\.63 kimg; cpu, fp32 \(.*\), 1 threads$/,
    );
    expect(lines[2]).toMatch(/^3\d training images are few \(under 2000\): .*--augment/);
    expect(lines[3]).toBe("wrote run/checkpoint-00000000");
    expect(lines).toContain("phase 0: 4x4, batch 8");
    expect(lines).toContain("phase 1: 8x8, batch 8");
    expect(lines.at(-2)).toBe("finished at 0.63 kimg, checkpoint run/checkpoint-00000000.632");
    expect(lines.at(-1)).toBe("next: pioneer sample --model run --out samples --grid");
    const tick =
      /^0\.63 of 0\.63 kimg \| phase 1 \(8x8\) alpha 1\.000 \| [\d.]+ img\/s \| kl_real [\d.]+ kl_fake [\d.]+ kl_generated [\d.]+ x_recon [\d.]+ z_recon [\d.]+ encoder -?[\d.]+ generator [\d.]+ cos -?[\d.]+ \| held-out L1 [\d.]+ \((averaged|raw)\) spread \d+ % cos -?[\d.]+ variety \d+ % \| phase ends in 0 s, run in 0 s \| \d+ MiB$/;
    expect(lines.filter((line) => tick.test(line)).length).toBe(1);
  });

  test("leaves the files of a run and nothing else", () => {
    // Of the first thousand images each picture has a name of its own: at 0.304 and 0.6 kimg, and at the ends of phases.
    const grids = [216, 304, 600, 632].flatMap((images) =>
      ["morphs", "recons", "samples"].map((tag) => `${tag}-00000000.${images}.png`),
    );
    // The newest three; before the end they are due at multiples of 30 images, after the batch of 8 that reaches them.
    const kept = [576, 600, 632].map((images) => `checkpoint-00000000.${images}`);
    expect(readdirSync(run).sort()).toEqual(
      [".lock", ...kept, "config.json", "log.txt", ...grids, "reals.png", "stats.jsonl", "tb"].sort(),
    );
    const [events, ...more] = readdirSync(join(run, "tb"));
    expect(events).toMatch(/^events\.out\.tfevents\.\d+/);
    expect(more).toEqual([]);
    expect(statSync(join(run, "tb", events as string)).size).toBeGreaterThan(1000);
    expect(readdirSync(folder).sort()).toEqual(["photos-40-16", "photos-40-16.pack", "run"]);
  });

  test("its checkpoint is whole and says where it is", () => {
    const state = verifyCheckpoint(join(run, "checkpoint-00000000.632"));
    // 630 images in batches of 8.
    expect(state).toMatchObject({
      images: 632,
      steps: 79,
      phase: 1,
      resolution: 8,
      alpha: 1,
      latent: 16,
      channels: 16,
      poolImages: 200,
    });
    expect(state.schedule).toEqual({
      phases: [
        { phase: 0, startImages: 0, fadeImages: 105 },
        { phase: 1, startImages: 210, fadeImages: 105 },
      ],
      totalImages: 630,
    });
  });

  test("stats.jsonl has the first and the last step, each number finite", () => {
    const lines = readFileSync(join(run, "stats.jsonl"), "utf8").trimEnd().split("\n");
    const ticks = lines.map((line) => JSON.parse(line) as TickEvent);
    expect(ticks[0]).toMatchObject({ images: 8, phase: 0, resolution: 4, batch: 8, alpha: 0, totalImages: 630 });
    expect(ticks.at(-1)).toMatchObject({
      images: 632,
      phase: 1,
      resolution: 8,
      alpha: 1,
      phaseStartImages: 210,
      phaseEndImages: 630,
    });
    for (const { losses, cosine, imagesPerSecond, etaRunSeconds, rssMiB } of ticks) {
      expect(Object.keys(losses).sort()).toEqual([
        "encoder",
        "generator",
        "klFake",
        "klGenerated",
        "klReal",
        "xRecon",
        "zRecon",
      ]);
      for (const value of [...Object.values(losses), cosine, imagesPerSecond, etaRunSeconds, rssMiB])
        expect(value).toSatisfy(Number.isFinite);
      expect(Math.abs((cosine ?? Number.NaN) - (2 - (losses.zRecon ?? Number.NaN)) * 16)).toBeLessThan(1e-9);
    }
  });

  test("grids: 8 to a row, in colour, pairs together, photos beside the corners of the morph", async () => {
    const held = readFileSync(join(run, "log.txt"), "utf8");
    expect(held).toContain(
      "wrote run/recons-00000000.632.png run/samples-00000000.632.png run/morphs-00000000.632.png",
    );
    const shapeOf = async (name: string) => {
      const { width, height, channels, format } = await sharp(join(run, name)).metadata();
      return { columns: width, rows: height, channels, format };
    };
    const samples = await shapeOf("samples-00000000.632.png"); // 64 images
    expect(samples).toMatchObject({ channels: 3, format: "png" });
    expect(samples.columns).toBe(samples.rows);
    const morphs = await shapeOf("morphs-00000000.632.png"); // 8x8, a photo and half a cell at either side, under headings
    expect(morphs.columns).toBe(samples.columns + 3 * 66);
    expect(morphs.rows).toBe(samples.rows + headingHeight(64));
    const recons = await shapeOf("recons-00000000.632.png"); // one image is held out: a pair
    expect(recons).toMatchObject({ columns: 2 * 64, rows: headingHeight(64) + 64 });
    expect((await shapeOf("reals.png")).format).toBe("png");
  });

  test("config.json holds what was asked for, with the resolution", () => {
    const config = JSON.parse(readFileSync(join(run, "config.json"), "utf8")) as Record<string, unknown>;
    expect(config).toMatchObject({
      format: 1,
      data,
      run: "run",
      resolution: 8,
      latent: 16,
      channels: 16,
      kimgPerPhase: 0.21,
      seed: 4,
    });
    expect(config).not.toHaveProperty("resume");
    expect(config).not.toHaveProperty("maxMinutes");
  });

  test("the folder is not taken for a second run", async () => {
    const before = fingerprint(run);
    const again = await pioneer(folder, ["train", "--data", data, "--run", "run", ...tiny]);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toBe(
      "pioneer: run already holds a run (run/checkpoint-00000000.632): go on with it by --resume, or give --run another folder\n",
    );
    expect(fingerprint(run)).toEqual(before);
  });

  test("--resume of a finished run exits 0, says so and changes nothing", async () => {
    const before = fingerprint(run);
    const lines = readFileSync(join(run, "stats.jsonl"), "utf8");
    const again = await pioneer(folder, ["train", "--run", "run", "--resume", "--data", data]);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).toMatch(
      /^already finished, nothing to do at 0\.63 kimg, checkpoint run\/checkpoint-00000000\.632\n/,
    );
    const json = await pioneer(folder, ["train", "--run", "run", "--resume", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ reason: "already-finished", images: 632 });
    expect(fingerprint(run)).toEqual(before);
    expect(readFileSync(join(run, "stats.jsonl"), "utf8")).toBe(lines);
  });
});

test("--plan prints the schedule and writes nothing", async () => {
  const before = readdirSync(folder).sort();
  const { code, stdout, stderr } = await pioneer(folder, [
    "train",
    "--data",
    data,
    "--run",
    "planned",
    "--plan",
    ...tiny,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  // On a busy machine what is tried is told before.
  const [few, ...lines] = stdout
    .replace(/^(trying steps of .*\n)+/m, "")
    .trimEnd()
    .split("\n");
  expect(few).toMatch(/^3\d training images are few /);
  expect(lines[0]).toMatch(/^phase +size +batch +kimg +fading +time +memory$/);
  expect(lines.slice(1, 4).map((line) => line.trim().split(/ +/).slice(0, 5))).toEqual([
    ["0", "4x4", "8", "0.21", "0.1"],
    ["1", "8x8", "8", "0.21", "0.1"],
    ["2", "16x16", "8", "0.42", "0.1"],
  ]);
  expect(lines.at(-1)).toMatch(/^total 0\.84 kimg in about .* on cpu, fp32 \(/);
  expect(readdirSync(folder).sort()).toEqual(before);

  const json = await pioneer(folder, ["train", "--data", data, "--plan", "--json", ...tiny]);
  const plan = JSON.parse(json.stdout) as {
    phases: { images: number; memoryMiB: number; hours: number }[];
    totalImages: number;
  };
  expect(plan.totalImages).toBe(840);
  expect(plan.phases.map(({ images }) => images)).toEqual([210, 210, 420]);
  for (const { memoryMiB, hours } of plan.phases) {
    expect(memoryMiB).toBeGreaterThan(20);
    expect(hours).toBeGreaterThan(0);
  }
});

describe("a finished run grows", () => {
  test("the plan says so: the new phase only, from nothing", async () => {
    const args = ["train", "--run", "run", "--resume", "--resolution", "16", "--plan", "--json"];
    const { code, stdout } = await pioneer(folder, args);
    const plan = JSON.parse(stdout) as { phases: object[]; totalImages: number };
    expect(code).toBe(0);
    expect(plan.totalImages).toBe(632 + 420);
    expect(plan.phases).toMatchObject([{ phase: 2, resolution: 16, images: 420, fadeImages: 105 }]);
    expect(checkpoints(run).at(-1)).toBe("checkpoint-00000000.632");
  });

  test("but not under the --total-kimg that ended it", async () => {
    const args = ["train", "--run", "run", "--resume", "--resolution", "16", "--total-kimg", "0.63", "--plan"];
    const { code, stderr } = await pioneer(folder, args);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "pioneer: --total-kimg 0.63 ended the run, which cannot grow to 16x16 so: give --total-kimg 1.052\n",
    );
  });

  test("from 8x8 to 16x16, with alpha from 0", async () => {
    const ticks = () =>
      readFileSync(join(run, "stats.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as TickEvent);
    // One step, then the rest.
    const first = await pioneer(folder, [
      "train",
      "--run",
      "run",
      "--resume",
      "--resolution",
      "16",
      "--max-minutes",
      "1e-9",
    ]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(
      /^time is up at 0\.64 kimg, checkpoint run\/checkpoint-00000000\.640\ngo on with: pioneer train --run run --resume$/m,
    );
    expect(ticks().at(-1)).toMatchObject({ images: 640, phase: 2, alpha: 0, phaseStartImages: 632, resolution: 16 });
    expect(verifyCheckpoint(join(run, "checkpoint-00000000.640"))).toMatchObject({
      images: 640,
      phase: 2,
      alpha: 8 / 105,
    });

    const grown = await pioneer(folder, ["train", "--run", "run", "--resume"]);
    expect(grown.stderr).toBe("");
    expect(grown.code).toBe(0);
    expect(grown.stdout).toMatch(/^training run on .* going on at 0\.64 to 1\.05 kimg;/m);
    expect(ticks().at(-1)).toMatchObject({ images: 1056, phase: 2, alpha: 1, totalImages: 1052 });
    const newest = checkpoints(run).at(-1) as string;
    expect(verifyCheckpoint(join(run, newest))).toMatchObject({ images: 1056, steps: 132, phase: 2, alpha: 1 });
    expect(existsSync(join(run, "recons-00000001.056.png"))).toBe(true);
    expect(grown.stdout).toContain(`checkpoint run/${basename(newest)}`);
  });

  test("and does not shrink", async () => {
    const { code, stderr } = await pioneer(folder, ["train", "--run", "run", "--resume", "--resolution", "8"]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "pioneer: --resolution is 8, but the run was started with 16: a run can grow but not shrink; leave --resolution out, or start a new run\n",
    );
  });
});
