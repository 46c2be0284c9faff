// Recipes and schedules through the command line: what a run does with them, and that it goes on with them.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import type { TickEvent } from "../../../src/train/events.ts";
import { fingerprint, resume } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts several processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const folder = temporaryFolder();
let data: string;
beforeAll(async () => {
  data = (await makePack(folder, 40, 8, discs)).path;
});

const tiny = "--latent 8 --channels 8 --batch 8 --threads 1 --precision fp32 --seed 4 --grid-kimg 1".split(" ");
const start = (run: string, ...more: string[]) => ["train", "--data", data, "--run", run, ...tiny, ...more];
const done = { code: 0, stderr: "" };
const state = (run: string) => fingerprint(join(folder, run)).state as Record<string, unknown>;
const ticks = (run: string) =>
  readFileSync(join(folder, run, "stats.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as TickEvent);

describe("balanced by a schedule file", () => {
  const file = () => join(folder, "schedule.json");
  const write = () => {
    const entries = [
      { images: 0, phase: 0, margin: 0.2, learningRate: 0.002 },
      { images: 96, phase: 1, margin: 0.1 },
      { images: 160, phase: 1, margin: 0.05, learningRate: { encoder: 0.001, generator: 0.0005 } },
    ];
    writeFileSync(file(), JSON.stringify({ entries, totalImages: 240, fadeImages: 40 }));
  };

  test("a run stopped inside it goes on without the file as if nothing had been, to the bit", async () => {
    write();
    // 100 ends between the phases (the optimisers begin anew), 168 after the second entry of the same phase.
    const options = ["--recipe", "balanced", "--schedule", file(), "--realm", "--reset-optimiser"];
    expect(await pioneer(folder, start("never", ...options))).toMatchObject(done);
    expect(await pioneer(folder, start("stopped", ...options, "--total-kimg", "0.096"))).toMatchObject(done);
    rmSync(file());
    for (const kimg of ["0.168", "0.24"]) {
      expect(await pioneer(folder, resume("stopped", "--total-kimg", kimg))).toMatchObject(done);
    }
    expect(fingerprint(join(folder, "stopped"))).toEqual(fingerprint(join(folder, "never")));
    expect(state("never")).toMatchObject({
      recipe: "balanced",
      networks: { generatorNorm: "spectral", activatedCode: false, head: false },
      images: 240,
      schedule: { phases: [{ startImages: 0 }, { startImages: 96, fadeImages: 40 }], totalImages: 240 },
    });
    // Adam counts from the last reset: 18 steps of 8x8, not all 30.
    const { adamSteps } = state("never") as { adamSteps: { encoder: Record<string, number> } };
    expect(new Set(Object.values(adamSteps.encoder))).toEqual(new Set([5, 18]));
  });

  test("--plan shows its rates and margins, entry by entry", async () => {
    write();
    const { stdout, ...end } = await pioneer(folder, start("planned", "--schedule", file(), "--plan"));
    expect(end).toMatchObject(done);
    // On a busy machine what is tried is told before.
    const [few, ...lines] = stdout
      .replace(/^(trying steps of .*\n)+/m, "")
      .trimEnd()
      .split("\n");
    expect(few).toMatch(/^\d+ training images are few /);
    expect(lines[0]).toMatch(/^phase +size +batch +kimg +fading +lr +margin +time +memory$/);
    expect(lines.slice(1, 4).map((line) => line.trim().split(/ +/).slice(0, 7))).toEqual([
      ["0", "4x4", "8", "0.1", "0.04", "0.002", "0.2"],
      ["1", "8x8", "8", "0.06", "0.04", "0.001", "0.1"],
      ["1", "8x8", "8", "0.08", "0", "0.001/0.0005", "0.05"],
    ]);
    expect(readdirSync(folder)).not.toContain("planned");
  });

  test("a mistake in the file is one line and exit code 2; another file for the same run is refused", async () => {
    writeFileSync(file(), '{"entries": [{"images": 0, "phase": 0, "margin": "wide"}]}');
    expect(await pioneer(folder, start("bad", "--schedule", file()))).toMatchObject({
      code: 2,
      stderr: `pioneer: ${file()}: entries[0].margin: expected a number from 0, got "wide"\n`,
    });
    writeFileSync(file(), '{"entries": [{"images": 0, "phase": 0}]}');
    const { code, stderr } = await pioneer(folder, resume("never", "--schedule", file()));
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^pioneer: --schedule is .*, but the run was started with .*: leave --schedule out to go on/,
    );
    const missing = await pioneer(folder, start("bad", "--schedule", "nowhere.json"));
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toMatch(/^pioneer: nowhere\.json.*\n$/);
    expect(readdirSync(folder)).not.toContain("bad");
  });
});

test("gan: stopped and resumed equals never stopped; its own losses; samples, and no codes", async () => {
  const options = ["--recipe", "gan", "--kimg-per-phase", "0.08"];
  expect(await pioneer(folder, start("gan", ...options))).toMatchObject(done);
  expect(await pioneer(folder, start("gan-stopped", ...options, "--total-kimg", "0.136"))).toMatchObject(done);
  expect(await pioneer(folder, resume("gan-stopped", "--total-kimg", "0.24"))).toMatchObject(done);
  expect(fingerprint(join(folder, "gan-stopped"))).toEqual(fingerprint(join(folder, "gan")));

  const [first] = ticks("gan") as [TickEvent];
  expect(Object.keys(first.losses)).toContain("gradientPenalty");
  expect(first.cosine).toBeUndefined();
  for (const value of Object.values(first.losses)) expect(Number.isFinite(value)).toBe(true);
  expect(readFileSync(join(folder, "gan", "log.txt"), "utf8")).toMatch(
    / score_real \S+ score_fake \S+ drift \S+ gradient_penalty \S+ critic \S+ score_generated \S+ generator \S+ \|/,
  );
  const pictures = readdirSync(join(folder, "gan")).filter((name) => name.endsWith(".png"));
  expect(new Set(pictures.map((name) => name.split("-")[0]))).toEqual(new Set(["reals.png", "samples"]));

  const sampled = await pioneer(folder, ["sample", "--model", "gan", "--out", "drawn", "--count", "2"]);
  expect(sampled).toMatchObject(done);
  expect(sampled.stdout).toMatch(/^next: pioneer sample --model gan --out walk --walk --gif$/m);
  expect(readdirSync(join(folder, "drawn")).filter((name) => name.endsWith(".png")).length).toBe(2);
  const photo = join(folder, "photos-40-8", "0000.png");
  const { code, stderr } = await pioneer(folder, ["reconstruct", "--model", "gan", "--out", "recons", photo]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^pioneer: gan was trained with the recipe gan, whose encoder judges images .*\n$/);
  const described = await pioneer(folder, ["info", "gan"]);
  expect(described.stdout).toMatch(/scoreReal|score_real/);
});

test("--no-progression trains the last resolution alone, one and a half phases", async () => {
  const options = ["--kimg-per-phase", "0.08", "--no-progression"];
  expect(await pioneer(folder, start("alone", ...options))).toMatchObject(done);
  // (1 + 1/2) * 80 to (1 + 2) * 80 images.
  expect(state("alone")).toMatchObject({ images: 240, steps: 15, phase: 1, alpha: 1, poolImages: 120 });
  expect(readFileSync(join(folder, "alone", "log.txt"), "utf8")).toContain(", beginning at 0.12 to 0.24 kimg");
  const plan = await pioneer(folder, start("alone", ...options, "--plan", "--json"));
  expect((JSON.parse(plan.stdout) as { phases: unknown[] }).phases).toMatchObject([
    { phase: 1, images: 120, fadeImages: 0 },
  ]);
  expect(await pioneer(folder, start("ended", ...options, "--total-kimg", "0.06"))).toMatchObject({
    code: 2,
    stderr:
      "pioneer: --total-kimg 0.06 ends before this run begins: kimg count from the start of the schedule, and it begins at 0.12; give more than 0.12\n",
  });
});

test("--start-phase begins with that phase; --force-alpha holds in it, and in the checkpoint", async () => {
  const options = ["--kimg-per-phase", "0.08", "--force-alpha", "0.25"];
  expect(await pioneer(folder, start("faint", ...options, "--start-phase", "1"))).toMatchObject(done);
  expect(state("faint")).toMatchObject({ images: 240, steps: 20, phase: 1, alpha: 0.25, poolImages: 0 });
  for (const { alpha } of ticks("faint")) expect(alpha).toBe(0.25);
  expect(await pioneer(folder, start("never-there", ...options, "--start-phase", "4"))).toMatchObject({
    code: 2,
    stderr: "pioneer: --start-phase 4 is not in the schedule: choose one of 0 to 1\n",
  });
});

test("a preset sets what is not given; with --resume it is refused", async () => {
  const options = ["--preset", "celeba-hq", "--resolution", "8", "--plan", "--json"];
  const plan = await pioneer(folder, start("hq", ...options));
  // 4.8 million images a phase, and twice for the last.
  expect(JSON.parse(plan.stdout)).toMatchObject({ totalImages: 14_400_000 });
  expect(await pioneer(folder, resume("gan", "--preset", "lsun"))).toMatchObject({
    code: 2,
    stderr: "pioneer: --preset is for a new run: leave it out with --resume\n",
  });
  expect(await pioneer(folder, start("hq", "--preset", "mnist"))).toMatchObject({
    code: 2,
    stderr: 'pioneer: --preset: expected celeba or celeba-hq or lsun or cifar10, got "mnist"\n',
  });
});
