import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepareDataset } from "pioneer-networks";
import { type Model, Rng } from "pioneer-runtime/internal";
import { setThreads } from "pioneer-torch";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../packages/torch/test/support/folder.ts";
import { heatMapPng } from "../src/editing/heat-map.ts";
import { type Editing, measureEditing, summaryOf, wayOf } from "../src/editing/measure.ts";

setThreads(1);
const folder = temporaryFolder();

/**
 * A model in closed form: an image's latent is the direction of its colour in RGB space, a latent's image is that colour. Red and green are
 * the parameters, blue the pole around which the colours lie.
 */
const colours: Model = {
  resolution: 8,
  latent: 3,
  colour: "rgb",
  crop: "none",
  align: null,
  async encode(images, count) {
    return Float32Array.from({ length: count * 3 }, (_, i) => {
      const means = [0, 1, 2].map((channel) => images[(Math.floor(i / 3) * 3 + channel) * 64] as number);
      return (means[i % 3] as number) / Math.hypot(...means);
    });
  },
  decode: async (latents, count) =>
    Float32Array.from({ length: count * 192 }, (_, i) => latents[Math.floor(i / 64)] as number),
  dispose() {},
};

/** Of red and green in the data. */
const correlation = 0.6;
const images = 500;
const names = ["red", "green"];
let editing: Editing;

beforeAll(async () => {
  const photos = join(folder, "photos");
  mkdirSync(photos);
  const rng = new Rng(1);
  const lines = ["file,red,green,split"];
  for (let i = 0; i < images; i++) {
    const red = rng.normal();
    const green = correlation * red + Math.sqrt(1 - correlation ** 2) * rng.normal();
    // A deviation of a parameter is 0.1 of a pixel's range [-1, 1], about 13 levels: rounding to whole levels is little beside it.
    const pixel = [0.1 * red, 0.1 * green, 0.95].map((value) => Math.round((value + 1) * 127.5));
    const pixels = Buffer.from(Array.from({ length: 192 }, (_, at) => pixel[at % 3] as number));
    await sharp(pixels, { raw: { width: 8, height: 8, channels: 3 } })
      .png()
      .toFile(join(photos, `${i}.png`));
    // Some have not all values.
    const [r, g] = [i % 11 === 3 ? "" : red, i % 7 === 2 ? "" : green];
    lines.push(`${i}.png,${r},${g},${i < 400 ? "train" : "test"}`);
  }
  writeFileSync(join(photos, "labels.csv"), lines.join("\n"));
  const pack = join(folder, "colours.pack");
  await prepareDataset({ source: photos, out: pack, resolution: 8 });
  editing = await measureEditing({ model: colours, pack, parameters: names, steps: 300, seed: 1, count: 400 });
}, 60_000);

const effectsOf = (way: string) => editing.methods.find((each) => wayOf(each) === way)?.effects as number[][];

// The network reads with an error of a tenth of a deviation (R² 0.99), slopes of 400 images err by 1/sqrt(400) = 0.05, and a
// sphere is not flat over 0.2 radians (2 %): 0.12 in all.
const tolerance = 0.12;

test("the network reads both parameters off images that it has not seen", () => {
  for (const { original, reconstructed, spread } of editing.legibility) {
    expect(original).toBeGreaterThan(0.97);
    expect(Math.abs(spread - 1)).toBeLessThan(0.25);
    expect(reconstructed).toBeGreaterThan(0.95);
  }
  expect(editing.images).toBe(100);
});

test("a linear direction takes along what goes together in the data", () => {
  const [red, green] = effectsOf("linear") as [number[], number[]];
  for (const [got, expected] of [
    [red[0], 1],
    [red[1], correlation],
    [green[0], correlation],
    [green[1], 1],
  ] as const) {
    expect(Math.abs((got as number) - expected)).toBeLessThan(tolerance);
  }
  expect(Math.abs((editing.correlations[0]?.[1] as number) - correlation)).toBeLessThan(tolerance);
});

test.each(["linear, orthogonal", "linear, orthogonal, calibrated"])(
  "%s: an edit moves its own parameter by a deviation per unit, and the other not",
  (way) => {
    const effects = effectsOf(way);
    for (const [i, row] of effects.entries()) {
      for (const [j, value] of row.entries()) expect(Math.abs(value - (i === j ? 1 : 0))).toBeLessThan(tolerance);
    }
    const { own, others, largestOther } = summaryOf(effects);
    expect(own).toBeCloseTo(((effects[0]?.[0] as number) + (effects[1]?.[1] as number)) / 2, 12);
    expect(others).toBeLessThanOrEqual(largestOther);
    expect(largestOther).toBe(Math.max(Math.abs(effects[0]?.[1] as number), Math.abs(effects[1]?.[0] as number)));
  },
);

test("an edit is clean that moves its own attribute by half a deviation, and no other by more than a third of that", () => {
  const effects = [
    [0.9, -0.29, 0.1],
    [0, 0.49, 0],
    [0.1, -0.31, 0.9],
  ];
  expect(summaryOf(effects).clean).toBe(1);
  // The wrong way round is not what was meant.
  expect(summaryOf(effects.map((row) => row.map((effect) => -effect))).clean).toBe(0);
});

test("the heat map is red above 0, blue below and white at 0", async () => {
  const png = await heatMapPng(
    ["a", "b"],
    [
      [1, 0],
      [-1, 0],
    ],
    "two",
  );
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  // The corners of the cells of 44 pixels, from (120, 120) on.
  const at = (column: number, row: number) => {
    const offset = ((120 + 44 * row + 3) * info.width + 120 + 44 * column + 3) * 3;
    return [...data.subarray(offset, offset + 3)];
  };
  expect(at(0, 0)).toEqual([178, 24, 43]);
  expect(at(0, 1)).toEqual([33, 102, 172]);
  expect(at(1, 0)).toEqual([255, 255, 255]);
});
