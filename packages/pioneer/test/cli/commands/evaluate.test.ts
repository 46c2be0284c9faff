// `pioneer evaluate` and `train --evaluate-every` as a user has them.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import type { PioneerError } from "../../../src/base/errors.ts";
import { metricNames } from "../../../src/metrics/catalogue.ts";
import { type Evaluated, type EvaluateModelOptions, evaluateModel } from "../../../src/metrics/run.ts";
import { checkpoints, fingerprint, Pioneer } from "../../support/cli.ts";
import { fixture } from "../../support/fixture.ts";
import { pioneer } from "../../support/in-process.ts";
import { leftBehind, nothing } from "../../support/memory.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const folder = temporaryFolder();
// Scratch files of the commands go here, so that what they leave can be seen.
const scratch = join(folder, "scratch");
mkdirSync(scratch);
const env = { TMPDIR: scratch, XDG_CACHE_HOME: join(folder, "cache") };
const run = (...args: string[]) => pioneer(folder, args, env);
const options =
  "--latent 8 --channels 8 --batch 8 --kimg-per-phase 0.1 --checkpoint-kimg 100 --grid-kimg 100 --threads 1 --precision fp32".split(
    " ",
  );

let data: string;
let grey: string;
let small: string;

/** In this process, which has libtorch loaded already; the command is these calls and a table. */
const evaluate = (options: Partial<EvaluateModelOptions>): Promise<Evaluated> =>
  evaluateModel({
    model: join(folder, "a"),
    data,
    seed: 0,
    reference: "train",
    heldOut: "test",
    precision: "fp32",
    device: "cpu",
    threads: 1,
    ...options,
  });

const lines = (name: string) =>
  readFileSync(join(folder, name, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { images: number; metrics: Record<string, number> });

beforeAll(async () => {
  data = (await makePack(folder, 240, 16, discs)).path;
  small = (await makePack(folder, 12, 8, discs)).path;
  mkdirSync(join(folder, "grey"));
  grey = (
    await makePack(join(folder, "grey"), 12, 16, (index, x, y) => {
      const value = (index * 5 + x * y) % 256;
      return [value, value, value];
    })
  ).path;
  // A run that evaluates on its way, the same without, and one of smaller images.
  const runs = await Promise.all([
    run("train", "--data", data, "--run", "a", ...options, "--evaluate-every", "0.1"),
    run("train", "--data", data, "--run", "b", ...options),
    run("train", "--data", small, "--run", "tiny", ...options),
  ]);
  expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ""],
    [0, ""],
    [0, ""],
  ]);
});

describe("train --evaluate-every", () => {
  test("changes nothing about the training, to the bit, and resuming after an evaluation stays exact", async () => {
    expect(fingerprint(join(folder, "a"))).toEqual(fingerprint(join(folder, "b")));
    const half = await run(
      "train",
      "--data",
      data,
      "--run",
      "c",
      ...options,
      "--evaluate-every",
      "0.1",
      "--total-kimg",
      "0.304",
    );
    expect(half).toMatchObject({ code: 0, stderr: "" });
    // The whole schedule: phases 0, 1 and twice 2.
    expect(await run("train", "--run", "c", "--resume", "--total-kimg", "0.4")).toMatchObject({ code: 0, stderr: "" });
    const [b, c] = [fingerprint(join(folder, "b")), fingerprint(join(folder, "c"))];
    expect({ networks: c.networks, training: c.training }).toEqual({ networks: b.networks, training: b.training });
    const seen = lines("c").map(({ images }) => images);
    expect(seen).toEqual([104, 200, 304, 400]);
  });

  test("goes on training where the disk has no room for the metrics, and says so", async () => {
    const args = ["train", "--data", data, "--run", "full", ...options, "--evaluate-every", "0.1"];
    const { code, stdout } = await pioneer(folder, args, { ...env, TMPDIR: join(folder, "nowhere") });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^not evaluated: .*nowhere.*: no such file or folder; check the path$/m);
    expect(lines("full").map(({ images }) => images)).toEqual([104, 200]); // 4x4 and 8x8: no SWD, no files
  });

  test("notes cheap metrics of each resolution; SWD and SSIM from 16x16 on", () => {
    const noted = lines("a");
    expect(noted.map(({ images }) => images)).toEqual([104, 200, 304, 400]);
    const names = noted.map(({ metrics }) => Object.keys(metrics));
    expect(names[0]).toEqual(["l1", "rmse", "sharpness", "kl_real", "effective_rank", "cosine"]);
    expect(names[3]?.[0]).toMatch(/^swd\d+$/);
    expect(names[3]).toEqual(expect.arrayContaining(["ssim", "l1", "cosine"]));
    expect(readFileSync(join(folder, "a", "log.txt"), "utf8")).toMatch(/evaluated in [\d.]+ s: l1 /);
  });
});

describe("evaluate", () => {
  test("of few images what can be measured is, and the rest is named", async () => {
    mkdirSync(join(folder, "few"));
    const few = (await makePack(join(folder, "few"), 3, 16, discs)).path;
    const { values, notMeasured } = await evaluate({ data: few, features: fixture("metrics/features.onnx") });
    const names = values.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["l1", "rmse"]));
    expect(names).not.toContain("cosine");
    // One image is held out, and two are left.
    expect(notMeasured).toEqual([
      expect.stringMatching(/^swd needs at least 16 images, and /),
      expect.stringMatching(/^kid needs at least 100 images, and /),
      expect.stringMatching(/^pr needs at least 100 images, and /),
      expect.stringMatching(/^latent needs at least 2 images, and .* has 1 in "test"/),
      expect.stringMatching(/^fid of a network with 8 features needs at least 9 images, and .* has 2 in "train"/),
    ]);
    await expect(evaluate({ data: few, heldOut: "tset" })).rejects.toThrow(
      /no images in the split "tset": give --held-out /,
    );
  });

  const networks = ["--features", fixture("metrics/features.onnx"), "--lpips", fixture("metrics/distance.onnx")];

  test("a table for people, and the line that was added to the run", async () => {
    const before = lines("a").length;
    const { code, stdout, stderr } = await run(
      "evaluate",
      "--model",
      "a",
      "--threads",
      "1",
      "--count",
      "128",
      ...networks,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^a\/checkpoint-00000000\.400, 0.4 kimg, 16x16, fp32$/m);
    expect(stdout).toMatch(/^swd128 +[\d.]+ {2}lower is better +128 images$/m);
    expect(stdout).toMatch(/^psnr +[\d.]+ {2}higher is better +\d+ images$/m);
    expect(stdout).toMatch(/^kl_real +[\d.]+ {2}near [\d.]+ +\d+ images$/m);
    expect(stdout).toMatch(/added to a\/metrics.jsonl\n$/);
    const [last] = lines("a").slice(-1);
    expect(lines("a").length).toBe(before + 1);
    expect(Object.keys(last?.metrics ?? {})).toEqual(
      [
        [
          "swd128",
          "swd128_16",
          "msssim128",
          "l1",
          "rmse",
          "psnr",
          "ssim",
          "sharpness",
          "fid128",
          "kid128",
          "precision128",
          "recall128",
        ],
        ["lpips", "kl_real", "effective_rank", "cosine"],
      ].flat(),
    );
    expect(readdirSync(scratch)).toEqual([]);
  });

  test("a value depends on model, data, count and seed; not on the other metrics, nor on when it is asked for", async () => {
    const [features, lpips] = [fixture("metrics/features.onnx"), fixture("metrics/distance.onnx")];
    const all = (await evaluate({ count: 104, features, lpips })).record.metrics;
    const { metrics: some, networks } = (await evaluate({ count: 104, metrics: ["swd", "kid", "latent"], features }))
      .record;
    expect(networks).toEqual({ features: createHash("sha256").update(readFileSync(features)).digest("hex") });
    for (const [name, value] of Object.entries(some)) expect([name, all[name]]).toEqual([name, value]);
    expect(Object.keys(some).length).toBe(6);
    const other = (await evaluate({ count: 104, metrics: ["swd"], seed: 1 })).record.metrics;
    expect(other.swd104).not.toBe(all.swd104);
    // Other patches, directions and samples of 104 images: about the same number.
    expect(Math.abs(Math.log((other.swd104 as number) / (all.swd104 as number)))).toBeLessThan(0.5);
  });

  test("reconstruction errors are those of the PNG files that reconstruct writes", async () => {
    const photos = join(folder, "photos-240-16");
    const { record, values } = await evaluate({ metrics: ["l1", "rmse", "psnr"], heldOut: "train", count: 3 });
    const { metrics } = record;
    expect(values.map(({ images }) => images)).toEqual([3, 3, 3]);
    expect([record.counts, record.networks]).toEqual([{ l1: 3, rmse: 3, psnr: 3 }, undefined]);
    const { openPack } = await import("../../../src/data/pack/pack.ts");
    const pack = openPack(data);
    const train = pack.splits.train as Uint32Array;
    const chosen = [0, 1, 2].map((i) => pack.names.at(train[Math.floor((i * train.length) / 3)] as number));
    const paths = chosen.map((name) => join(photos, name));
    expect(await run("reconstruct", "--model", "a", "--out", "recons", "--threads", "1", ...paths)).toMatchObject({
      code: 0,
    });
    const files = readdirSync(join(folder, "recons"))
      .filter((name) => name !== "grid.png")
      .sort();
    const raw = await Promise.all(
      files.map((name) =>
        sharp(join(folder, "recons", name))
          .removeAlpha()
          .raw()
          .toBuffer(),
      ),
    );
    let [absolute, squared] = [0, 0];
    for (let i = 0; i < 3; i++) {
      const [x, y] = [raw[2 * i] as Buffer, raw[2 * i + 1] as Buffer];
      for (const [at, value] of x.entries()) {
        const difference = (value - (y[at] as number)) / 127.5;
        absolute += Math.abs(difference) / (3 * x.length);
        squared += difference ** 2 / (3 * x.length);
      }
    }
    // A batch of another size may round some pixels to the neighbouring level: at most one in a hundred.
    expect(Math.abs((metrics.l1 as number) - absolute)).toBeLessThan(0.01 / 127.5);
    expect(Math.abs((metrics.rmse as number) - Math.sqrt(squared))).toBeLessThan(0.02 / 127.5);
  });

  test("with --json, of a checkpoint by its name: one object, and its run gets the line", async () => {
    const name = checkpoints(join(folder, "a")).at(-1);
    const { code, stdout, stderr } = await run("evaluate", "--model", `a/${name}`, "--metrics", "l1,psnr", "--json");
    const { files, metrics, values, images } = JSON.parse(stdout);
    expect({ code, files, images }).toEqual({ code: 0, files: ["a/metrics.jsonl"], images: 400 });
    expect(lines("a").at(-1)?.metrics).toEqual(metrics);
    expect(values[0]).toEqual({ name: "l1", value: metrics.l1, better: "lower", images: values[0].images });
    expect(stderr).toMatch(/added to a\/metrics.jsonl\n$/); // for people
  });

  test("when the process is killed, nothing is left", async () => {
    const before = readFileSync(join(folder, "a", "metrics.jsonl"), "utf8");
    const killed = new Pioneer(folder, ["evaluate", "--model", "a", "--metrics", "swd", "--threads", "1"], env);
    expect(await killed.says(/^\d+ of \d+ images/)).toBe(true);
    killed.child.kill("SIGKILL");
    expect((await killed.end).signal).toBe("SIGKILL");
    expect(readdirSync(scratch)).toEqual([]);
    expect(readFileSync(join(folder, "a", "metrics.jsonl"), "utf8")).toBe(before);
  });
});

describe("evaluate refuses in one line, before any work, and leaves nothing", () => {
  const features = fixture("metrics/features.onnx");
  const refused: [string, () => Partial<EvaluateModelOptions>, number, RegExp][] = [
    [
      "a metric without its network",
      () => ({ metrics: ["swd", "kid"] }),
      2,
      /^kid needs a network: give --features FILE.onnx \(docs\/metrics.md says where to get one\), or leave it out of --metrics$/,
    ],
    [
      "a network that no metric uses",
      () => ({ metrics: ["swd"], features }),
      2,
      /^--features is used by fid, kid, pr, and --metrics asks for none of them$/,
    ],
    [
      "a network of other images",
      () => ({ metrics: ["fid"], features: fixture("metrics/features-grey.onnx") }),
      2,
      /^--features .*features-grey.onnx takes images: float32\[N, 1, 16, 16\]: a network of colour images/,
    ],
    [
      "images too small for a metric",
      () => ({ model: join(folder, "tiny"), data: small, metrics: ["ssim"] }),
      2,
      /^ssim needs images of 16x16 or larger, and the model makes 8x8: leave it out of --metrics, or train further$/,
    ],
    [
      "a smaller pack",
      () => ({ data: small }),
      1,
      /photos-12-8.pack holds images of 8x8, and the model makes 16x16: prepare a pack with --resolution 16$/,
    ],
    [
      "a pack of another colour",
      () => ({ data: grey }),
      1,
      /is grey and the model is rgb: prepare a pack with --colour rgb$/,
    ],
    [
      "fewer real images than samples",
      () => ({ metrics: ["swd"], count: 5000 }),
      1,
      /^swd compares as many real images as samples: .* has 2\d\d images in "train", and --count is 5000: give --count 2\d\d or less$/,
    ],
    [
      "too few samples for FID",
      () => ({ metrics: ["fid"], count: 8, features }),
      2,
      /^fid of a network with 8 features needs at least 9 images, and --count is 8: give a larger one$/,
    ],
    [
      "too few samples for KID",
      () => ({ metrics: ["kid"], count: 99, features }),
      2,
      /^kid needs at least 100 images, and --count is 99: give a larger one$/,
    ],
    [
      "too few real images for KID",
      () => ({ metrics: ["kid"], reference: "test", features }),
      1,
      /^kid needs at least 100 images, and .*pack has \d+ in "test": add images, or choose another split$/,
    ],
    [
      "a split that is not there",
      () => ({ metrics: ["l1"], heldOut: "validation" }),
      1,
      /has no images in the split "validation": give --held-out train or test$/,
    ],
    [
      "a model that is none",
      () => ({ model: "nowhere" }),
      1,
      /^nowhere is not there: check the path, or give --model a run folder \(with checkpoint-... in it\), a checkpoint or a model folder$/,
    ],
  ];

  test.each(refused)("%s", async (_, options, exitCode, message) => {
    const file = join(folder, "a", "metrics.jsonl");
    const before = readFileSync(file, "utf8");
    const left = await leftBehind(async () => {
      const error = await evaluate(options()).then(
        () => undefined,
        (thrown: unknown) => thrown as PioneerError,
      );
      expect(error?.message).toMatch(message);
      expect(error?.exitCode).toBe(exitCode);
    });
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(left).toEqual(nothing);
  });

  test("the command says it in one line, with the exit code", async () => {
    expect(await run("evaluate", "--model", "a", "--metrics", "swd,fic")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: `pioneer: --metrics: expected a list of ${metricNames.join(",")}, got "swd,fic"\n`,
    });
  });
});
