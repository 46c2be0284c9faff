import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { latentRow, sampleLatents, slerp } from "pioneer-runtime";
import { RandomGenerator, scope, tensor } from "pioneer-torch";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { drawLatents } from "../../src/compute/streams.ts";
import { accv2018 } from "../../src/config/recipe.ts";
import type { Reconstructions } from "../../src/images/reconstruct.ts";
import { refineAll } from "../../src/images/refine.ts";
import { openModel } from "../../src/models/model.ts";
import type { RefiningModel } from "../../src/models/refining-model.ts";
import { ageObjective } from "../../src/objectives/index.ts";
import { composeGrid } from "../../src/pictures/grid.ts";
import { writePng } from "../../src/pictures/png.ts";
import { trainStep } from "../../src/train/step.ts";
import { facts } from "../checkpoint/support.ts";
import { fixture } from "../support/fixture.ts";
import { pioneer } from "../support/in-process.ts";
import { leftBehind, nothing } from "../support/memory.ts";
import { tinyLearner } from "../support/tiny.ts";

const lpips = fixture("lpips/lpips.onnx");
const [latent, size] = [16, 3 * 64];
const folder = temporaryFolder();
const run = join(folder, "run");
let model: RefiningModel;
/** Pictures of two soft colours, which a small network can learn; [n, 3, 8, 8]. */
let photos: Float32Array;
let encoded: Float32Array;

/** Images that `first`, `first` + 1 ... name. */
function pictures(first: number, count: number): Float32Array {
  return Float32Array.from({ length: count * size }, (_, at) => {
    const [image, channel, y, x] = [first + Math.floor(at / size), Math.floor(at / 64) % 3, (at >> 3) % 8, at % 8];
    return 0.8 * Math.sin(image * (1 + channel) + (x * Math.cos(image) + y * Math.sin(image)) / 4);
  });
}

beforeAll(async () => {
  const learner = tinyLearner({ latent, channels: 12 });
  const random = new RandomGenerator(1);
  for (let step = 0; step < 60; step++) {
    scope(() => {
      const z = () => drawLatents(8, latent, random);
      const inputs = {
        x: tensor(pictures(8 * step, 8), [8, 3, 8, 8]),
        zEncoder: z(),
        zGenerator: [z(), z()],
        trades: learner.pool.draw(8, random),
      };
      trainStep(ageObjective(accv2018), learner, inputs, {
        growth: { phase: 1, alpha: 1 },
        precision: "fp32",
        encoderOrder: "joint",
      });
    });
  }
  mkdirSync(run);
  writeCheckpoint(run, learner, facts());
  model = await openModel(run, { device: "cpu", threads: 1 });
  photos = pictures(5000, 40);
  encoded = await model.encode(photos, 40);
}, 120_000);

/** Mean |difference| of each image. */
async function errors(of: Float32Array, to = photos): Promise<number[]> {
  const count = of.length / latent;
  const made = await model.decode(of, count);
  return Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let at = i * size; at < (i + 1) * size; at++) sum += Math.abs((made[at] as number) - (to[at] as number));
    return sum / size;
  });
}

describe("refinement", () => {
  test("brings each held-out picture nearer, and all of them much nearer", async () => {
    const refined = await refineAll(model, photos, encoded, { refine: 60 });
    const [before, after] = [await errors(encoded), await errors(refined)];
    for (const [i, error] of after.entries()) expect(error).toBeLessThanOrEqual((before[i] as number) + 1e-6);
    const total = (values: number[]) => values.reduce((a, b) => a + b);
    expect(total(after)).toBeLessThan(0.84 * total(before)); // 1.5 dB, were the errors of one size
    for (let i = 0; i < 40; i++) {
      const row = latentRow(refined, latent, i);
      expect(Math.abs(Math.hypot(...row) - 1)).toBeLessThan(1e-6);
    }
  });

  test("finds the latent that made an image, from a quarter of a right angle away", async () => {
    const wanted = sampleLatents(8, latent, 1);
    const others = sampleLatents(8, latent, 2);
    const start = Float32Array.from(wanted);
    for (let i = 0; i < 8; i++) {
      start.set(slerp(latentRow(wanted, latent, i), latentRow(others, latent, i), 0.25), i * latent);
    }
    const images = await model.decode(wanted, 8);
    const refined = await refineAll(model, images, start, { refine: 100 });
    const [before, after] = [await errors(start, images), await errors(refined, images)];
    for (const [i, error] of after.entries()) expect(error).toBeLessThan(0.01 * (before[i] as number));
  });

  test("is the same every time, and no matter which images are beside it", async () => {
    const together = await refineAll(model, photos, encoded, { refine: 5 });
    expect(await refineAll(model, photos, encoded, { refine: 5 })).toEqual(together);
    const alone = await refineAll(model, photos.slice(0, size), encoded.slice(0, latent), { refine: 5 });
    // Float32 sums over another batch size may be ordered in another way.
    for (const [i, value] of alone.entries()) expect(Math.abs(value - (together[i] as number))).toBeLessThan(1e-4);
  });

  test("a step never makes an image worse, even one that has no way to go", async () => {
    const images = await model.decode(encoded, 40);
    const refined = await refineAll(model, images, encoded, { refine: 3 });
    for (const error of await errors(refined, images)) expect(error).toBeLessThan(1e-6);
  });

  test("with a distance of a network beside L1: their sum falls for each picture, and the distance more than without", async () => {
    const left = await leftBehind(async () => {
      const distance = model.openDistance(lpips, {});
      const perceptual = { distance, weight: 1 };
      const alone = await refineAll(model, photos, encoded, { refine: 40 });
      const refined = await refineAll(model, photos, encoded, { refine: 40, perceptual });
      const distances = async (of: Float32Array) => distance.measure(photos, await model.decode(of, 40));
      const [first, plain, both] = [await distances(encoded), await distances(alone), await distances(refined)];
      const [l1First, l1Both] = [await errors(encoded), await errors(refined)];
      for (const i of both.keys()) {
        const sum = (l1: number[], of: number[]) => (l1[i] as number) + (of[i] as number);
        // Distances are measured of 8 bits, what is lowered is not rounded.
        expect(sum(l1Both, both)).toBeLessThanOrEqual(sum(l1First, first) + 0.01);
      }
      const total = (values: number[]) => values.reduce((a, b) => a + b);
      expect(total(both)).toBeLessThan(0.9 * total(plain));
      expect(total(both)).toBeLessThan(0.7 * total(first));
      expect(total(l1Both)).toBeLessThan(total(l1First));
      // Next to nothing of it changes next to nothing.
      const faint = await refineAll(model, photos, encoded, { refine: 1, perceptual: { distance, weight: 1e-9 } });
      const none = await refineAll(model, photos, encoded, { refine: 1 });
      for (const [i, value] of faint.entries()) expect(Math.abs(value - (none[i] as number))).toBeLessThan(1e-3);
      distance.dispose();
    });
    expect(left).toEqual(nothing);
  });

  test("says how far it is, and frees its memory", async () => {
    const said: number[][] = [];
    const onRefine = (...progress: number[]) => said.push(progress);
    const left = await leftBehind(() => refineAll(model, photos, encoded, { refine: 2, onRefine }));
    expect(said).toEqual([
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ]);
    expect(left).toEqual(nothing);
  });
});

async function writePhotos(): Promise<string[]> {
  for (const i of [0, 1]) {
    const planes = photos.subarray(i * size, (i + 1) * size);
    await writePng(join(folder, `${i}.png`), composeGrid(planes, { resolution: 8, columns: 1, scale: 1 }));
  }
  return ["0.png", "1.png"];
}

test("reconstruct --refine: photo, reconstruction and refined one, with their PSNR before and after", async () => {
  const names = await writePhotos();
  const out = join(folder, "out");
  const args = ["reconstruct", "--json", "--model", run, "--out", out, "--refine", "40", "--threads", "1", ...names];
  const { code, stdout, stderr } = await pioneer(folder, args);
  const { files, pairs } = JSON.parse(stdout) as Reconstructions;
  expect([code, files.length]).toEqual([0, 7]);
  expect(readdirSync(out).sort()).toEqual([
    "0001-0-original.png",
    "0001-0-reconstruction.png",
    "0001-0-refined.png",
    "0002-1-original.png",
    "0002-1-reconstruction.png",
    "0002-1-refined.png",
    "grid.png",
  ]);
  const mean = (values: (number | undefined)[]) => (((values[0] ?? 0) + (values[1] ?? 0)) / 2).toFixed(2);
  const [before, after] = [mean(pairs.map(({ encoded }) => encoded?.psnr)), mean(pairs.map(({ psnr }) => psnr))];
  expect(stderr).toContain(`PSNR ${before} dB, refined ${after} dB; L1 `);
  expect(Number(after)).toBeGreaterThan(Number(before) + 1.5);
  for (const { l1, encoded } of pairs) expect(l1).toBeLessThan(encoded?.l1 ?? 0);
});

test("--refine-lpips: reconstruct says the distance before and after; interpolate takes it too", async () => {
  const names = await writePhotos();
  const refining = ["--model", run, "--threads", "1", "--refine", "20", "--refine-lpips", lpips];
  const { code, stdout, stderr } = await pioneer(folder, [
    "reconstruct",
    "--json",
    "--out",
    "near",
    ...refining,
    ...names,
  ]);
  const { pairs } = JSON.parse(stdout) as Reconstructions;
  expect(code).toBe(0);
  const mean = (values: (number | undefined)[]) =>
    (((values[0] ?? Number.NaN) + (values[1] ?? Number.NaN)) / 2).toFixed(4);
  const [before, after] = [mean(pairs.map(({ encoded }) => encoded?.lpips)), mean(pairs.map(({ lpips }) => lpips))];
  expect(stderr).toContain(`; LPIPS ${before}, refined ${after}; means of 2 photos`);
  expect(Number(after)).toBeLessThan(0.8 * Number(before));
  const morph = await pioneer(folder, ["interpolate", "--out", "morph", "--steps", "2", ...refining, ...names]);
  expect([morph.code, readdirSync(join(folder, "morph")).length]).toEqual([0, 3]);
});

describe("options of refinement that do not fit are refused before a photo is read, with exit code 2", () => {
  const cases: [string, string[], string][] = [
    ["no steps", ["--refine-lpips", lpips], "--refine-lpips needs steps: give --refine 100 too"],
    [
      "a weight of nothing",
      ["--refine", "5", "--refine-lpips-weight", "2"],
      "--refine-lpips-weight needs --refine-lpips FILE.onnx",
    ],
    [
      "no weight",
      ["--refine", "5", "--refine-lpips", lpips, "--refine-lpips-weight", "0"],
      "--refine-lpips-weight: expected a number above 0, at most 1000000, got 0",
    ],
    [
      "a network of one image",
      ["--refine", "5", "--refine-lpips", join(lpips, "../../metrics/features.onnx")],
      "give a network with two inputs, both batches of images",
    ],
    [
      "no such output",
      ["--refine", "5", "--refine-lpips", lpips, "--refine-lpips-layer", "x"],
      "has no output x; give --refine-lpips-layer one of distance",
    ],
  ];
  test.each(cases)("%s", async (_, args, line) => {
    const { code, stderr } = await pioneer(folder, [
      "reconstruct",
      "--model",
      run,
      "--out",
      "none",
      ...args,
      "missing.png",
    ]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(line);
    expect([code, existsSync(join(folder, "none"))]).toEqual([2, false]);
  });
});
