import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Model } from "pioneer-runtime/internal";
import sharp from "sharp";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { writeMorph } from "../../src/images/morph.ts";
import { writeReconstructions } from "../../src/images/reconstruct.ts";
import { writeSamples } from "../../src/images/sample.ts";
import { encodePhotos } from "../../src/images/subjects.ts";
import { headingHeight } from "../../src/pictures/lettering.ts";
import { writePng } from "../../src/pictures/png.ts";

const folder = temporaryFolder();

/**
 * A model in closed form at 8x8, so that pixels can be told beforehand: an image's latent is its direction in RGB space
 * (the means of its channels in [-1, 1]), a latent's image is that colour. Photos of unit length are reconstructed.
 */
const colours: Model & { readonly counts: number[] } = {
  resolution: 8,
  latent: 3,
  colour: "rgb",
  crop: "center",
  align: null,
  counts: [],
  async encode(images, count) {
    this.counts.push(count);
    return Float32Array.from({ length: count * 3 }, (_, i) => {
      const means = [0, 1, 2].map((c) => mean(images, (Math.floor(i / 3) * 3 + c) * 64));
      return (means[i % 3] as number) / Math.hypot(...means);
    });
  },
  async decode(latents, count) {
    this.counts.push(count);
    return Float32Array.from({ length: count * 192 }, (_, i) => latents[Math.floor(i / 64)] as number);
  },
  dispose() {},
};

const mean = (values: Float32Array, start: number) => values.subarray(start, start + 64).reduce((a, b) => a + b) / 64;
const toByte = (value: number) => Math.floor((value + 1) * 127.5 + 0.5);

/** A 12x8 photo of one colour of [-1, 1] values. @returns its path and the bytes it really holds */
async function photo(name: string, colour: readonly number[]): Promise<{ path: string; bytes: number[] }> {
  const bytes = colour.map(toByte);
  const path = join(folder, name);
  await writePng(path, {
    pixels: Uint8Array.from({ length: 12 * 8 * 3 }, (_, i) => bytes[i % 3] ?? 0),
    width: 12,
    height: 8,
  });
  return { path, bytes };
}

/** Colours of a grid's pixels. */
async function pixelsOf(path: string) {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
  return { at, size: [info.width, info.height] };
}

/** Colours of the middle of every cell of a grid of cells that stand for themselves, row by row. */
async function cells(path: string, columns: number, rows: number): Promise<number[][][]> {
  const { at, size } = await pixelsOf(path);
  expect(size).toEqual([columns * 66 - 2, rows * 66 - 2]);
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => at(column * 66 + 32, row * 66 + 32)),
  );
}

const above = headingHeight(64);
const white = [255, 255, 255];

test("reconstruct: each photo touches its reconstruction, pairs stand apart, every file in its own size", async () => {
  const red = await photo("red.png", [1, 0, 0]);
  const long = await photo("long.png", [0.5, 0.5, 0.5]); // its latent is [1, 1, 1] / sqrt(3)
  const out = join(folder, "reconstructions");
  const paths = [red.path, long.path, red.path, red.path, red.path];
  const written = await writeReconstructions(colours, paths, { out });
  expect(written.files.length).toBe(11);
  expect(readdirSync(out).sort().slice(0, 3)).toEqual([
    "0001-red-original.png",
    "0001-red-reconstruction.png",
    "0002-long-original.png",
  ]);
  const diagonal = Array(3).fill(toByte(1 / Math.sqrt(3)));
  const { at, size } = await pixelsOf(written.grid);
  expect(size).toEqual([4 * 64 + 8, above + 3 * 64 + 2 * 8]);
  const row = (y: number) => [63, 64, 128, 135, 199, 200].map((x) => at(x, y));
  expect(row(above)).toEqual([red.bytes, red.bytes, white, white, long.bytes, diagonal]);
  expect(row(above + 2 * 72 + 63)).toEqual([red.bytes, red.bytes, white, white, white, white]);
  // 0.5 as a byte is 191, that is 0.498.
  expect(written.pairs[1]?.l1).toBeCloseTo(1 / Math.sqrt(3) - (191 / 127.5 - 1), 6);
  // 1 / sqrt(3) is byte 201, ten levels away; a picture that is right byte by byte has 1/12 of a level squared.
  expect(written.pairs[1]?.psnr).toBeCloseTo(20 * Math.log10(255 / 10), 6);
  expect(written.pairs[0]?.psnr).toBeCloseTo(10 * Math.log10(255 ** 2 * 12), 6);
  const { width, height } = await sharp(join(out, "0002-long-reconstruction.png")).metadata();
  expect([width, height]).toEqual([8, 8]);
});

test("more photos than fit into a group: all are written, those that cannot be read are named, the grid has the first 256", async () => {
  const red = await photo("many.png", [1, 0, 0]);
  const skipped: string[] = [];
  const out = join(folder, "many");
  const paths = [...Array(260).fill(red.path), "gone.png", red.path];
  const written = await writeReconstructions(colours, paths, { out, onSkip: (reason) => void skipped.push(reason) });
  expect(written.pairs.length).toBe(261);
  expect(written.files.length).toBe(2 * 261 + 1);
  expect(written.files.at(-2)).toBe(join(out, "0261-many-reconstruction.png"));
  expect(skipped).toEqual(["gone.png: no such file or folder; check the path"]);
  const { size } = await pixelsOf(written.grid);
  // 256 pairs: round(sqrt(1.5 * 256 / 2)) = 14 to a row of pairs, 19 rows.
  expect(size).toEqual([14 * 128 + 13 * 8, above + 19 * 64 + 18 * 8]);
  // What the error names is not also told as left out.
  skipped.length = 0;
  const onSkip = (reason: string) => void skipped.push(reason);
  await expect(writeReconstructions(colours, ["gone.png"], { out, onSkip })).rejects.toThrow(/^gone.png: no such file/);
  await expect(writeReconstructions(colours, Array(65).fill("gone.png"), { out, onSkip })).rejects.toThrow(
    "none of the 65 photos can be read; the first: gone.png: no such file or folder; check the path",
  );
  expect(skipped).toEqual([]);
});

test("refinement without gradients is refused", async () => {
  const red = await photo("grey.png", [0.5, 0.5, 0.5]);
  await expect(writeReconstructions(colours, [red.path], { out: join(folder, "none"), refine: 5 })).rejects.toThrow(
    "--refine 5: ONNX Runtime, which computes this model, gives no gradients; give --model the run it was exported from, or, " +
      "if the folder has model.safetensors, --engine torch",
  );
  expect(existsSync(join(folder, "none"))).toBe(false);
});

test("interpolate two: the arc between the photos, which stand at the ends of the strip", async () => {
  const [red, green] = [await photo("a.png", [1, 0, 0]), await photo("b.png", [0, 1, 0])];
  const out = join(folder, "strip");
  const written = await writeMorph(colours, await encodePhotos(colours, [red.path, green.path]), { steps: 4, out });
  expect(readdirSync(out).sort()).toEqual(["grid.png", ...[1, 2, 3, 4].map((n) => `step-0${n}.png`)]);
  const { at, size } = await pixelsOf(written.grid);
  expect(size).toEqual([6 * 66 + 64, above + 64]);
  const middle = (column: number) => at(Math.round(column * 66) + 32, above + 32);
  expect([0, 6].map(middle)).toEqual([red.bytes, green.bytes]);
  // The photos' zeros are byte 128, 0.004: each angle may be off by that, 0.5 of a byte.
  const arc = [0, 30, 60, 90].map((degrees) => {
    const w = (degrees * Math.PI) / 180;
    return [Math.cos(w), Math.sin(w), 0].map(toByte);
  });
  for (const [i, colour] of [1.5, 2.5, 3.5, 4.5].map(middle).entries()) {
    for (const c of [0, 1, 2]) expect(Math.abs((colour[c] ?? 999) - (arc[i]?.[c] ?? 0))).toBeLessThanOrEqual(1);
  }
});

test("interpolate three or five: a path, a row from each photo to the next", async () => {
  const photos = [await photo("p.png", [1, 0, 0]), await photo("q.png", [0, 1, 0]), await photo("r.png", [0, 0, 1])];
  const out = join(folder, "path");
  const skipped: string[] = [];
  const paths = [...photos.map(({ path }) => path), "gone.png"];
  const onSkip = (reason: string) => void skipped.push(reason);
  const written = await writeMorph(colours, await encodePhotos(colours, paths, { onSkip }), { steps: 3, out });
  expect(skipped).toEqual(["gone.png: no such file or folder; check the path"]);
  expect(readdirSync(out).sort()).toEqual(
    [1, 2].flatMap((row) => [1, 2, 3].map((n) => `cell-0${row}-0${n}.png`)).concat("grid.png"),
  );
  const { at, size } = await pixelsOf(written.grid);
  expect(size).toEqual([5 * 66 + 64, above + 66 + 64]);
  const middle = (column: number, row: number) => at(Math.round(column * 66) + 32, above + row * 66 + 32);
  expect([middle(0, 0), middle(0, 1), middle(5, 1), middle(5, 0)]).toEqual([
    ...photos.map(({ bytes }) => bytes),
    white,
  ]);
  // From red to green, and on from green to blue.
  for (const [column, row, of] of [
    [1.5, 0, 0],
    [3.5, 0, 1],
    [1.5, 1, 1],
    [3.5, 1, 2],
  ] as const) {
    const found = middle(column, row);
    for (const c of [0, 1, 2])
      expect(Math.abs((found?.[c] ?? 999) - (photos[of]?.bytes[c] ?? 0))).toBeLessThanOrEqual(1);
  }
  const one = await encodePhotos(colours, [paths[0] as string, "gone.png"]);
  await expect(writeMorph(colours, one, { steps: 3, out })).rejects.toThrow(
    `${paths[0]} is the only photo that can be read, and a morph takes two`,
  );
});

test("interpolate four: a square, and the photos beside its corners", async () => {
  const colour = (r: number, g: number, b: number) => photo(`${r}${g}${b}.png`, [r, g, b]);
  const photos = [await colour(1, 0, 0), await colour(0, 1, 0), await colour(0, 0, 1), await colour(-1, 0, 0)];
  const out = join(folder, "square");
  const subjects = await encodePhotos(
    colours,
    photos.map(({ path }) => path),
  );
  const written = await writeMorph(colours, subjects, { steps: 8, out });
  expect(written.files.length).toBe(65);
  expect(written.files[8]).toBe(join(out, "cell-02-01.png"));
  const { at, size } = await pixelsOf(written.grid);
  expect(size).toEqual([10 * 66 + 64, above + 8 * 66 - 2]);
  const middle = (column: number, row: number) => at(Math.round(column * 66) + 32, above + row * 66 + 32);
  const beside = [middle(0, 0), middle(10, 0), middle(0, 7), middle(10, 7)];
  expect(beside).toEqual(photos.map(({ bytes }) => bytes));
  const corners = [middle(1.5, 0), middle(8.5, 0), middle(1.5, 7), middle(8.5, 7)];
  for (const [i, corner] of corners.entries()) {
    for (const c of [0, 1, 2])
      expect(Math.abs((corner?.[c] ?? 999) - (photos[i]?.bytes[c] ?? 0))).toBeLessThanOrEqual(1);
  }
  expect([middle(0, 3), middle(10, 3)]).toEqual([white, white]);

  // Latents alone: the same cells, from the left edge on and without a heading.
  const { photos: _, ...saved } = subjects;
  const alone = await writeMorph(colours, saved, { steps: 8, out: join(folder, "square of latents") });
  const [without, cell] = [
    await pixelsOf(alone.grid),
    (column: number, row: number) => [column * 66 + 32, row * 66 + 32],
  ];
  expect(without.size).toEqual([8 * 66 - 2, 8 * 66 - 2]);
  for (const [column, row] of [
    [0, 0],
    [7, 0],
    [3, 4],
    [7, 7],
  ] as const) {
    const [x = 0, y = 0] = cell(column, row);
    expect(without.at(x, y)).toEqual(middle(column + 1.5, row));
  }
});

test("sample: the same seed gives the same images, more of them begin with the same; at most 32 pass at once", async () => {
  const few = await writeSamples(colours, { out: join(folder, "few"), count: 3, seed: 7, grid: true });
  colours.counts.length = 0;
  const many = await writeSamples(colours, { out: join(folder, "many"), count: 300, seed: 7, grid: false });
  expect(colours.counts).toEqual([...Array(8).fill(32), 32, 12]);
  expect([few.files.length, few.grid, many.files.length, many.grid]).toEqual([
    4,
    join(folder, "few", "grid.png"),
    300,
    undefined,
  ]);
  const pixels = (path: string) => sharp(path).raw().toBuffer();
  for (const name of ["sample-000001.png", "sample-000003.png"]) {
    expect(await pixels(join(folder, "many", name))).toEqual(await pixels(join(folder, "few", name)));
  }
  const grid = (await cells(join(folder, "few", "grid.png"), 2, 2)).flat();
  expect(grid[2]).toEqual([...(await pixels(join(folder, "few", "sample-000003.png"))).subarray(0, 3)]);
  expect(grid[3]).toEqual(white);
});
