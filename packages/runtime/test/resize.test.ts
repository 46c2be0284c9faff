import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeSquare } from "../../pioneer/src/data/pixels/decode.ts";
import { encodingOf } from "../src/encoding.ts";
import { decodePhoto } from "../src/node/photo.ts";
import { onWhite, toRgba, writePlanes } from "../src/pixels.ts";
import { type SquareShape, toSquare } from "../src/resize.ts";
import { fixture } from "./support/fixtures.ts";

const shape = (resolution: number, more: Partial<SquareShape> = {}): SquareShape => ({
  resolution,
  crop: "center",
  colour: "rgb",
  ...more,
});

/** A picture of one line of values, repeated down. */
function lines(values: readonly number[], height: number) {
  const row = values.flatMap((value) => [value, value, value]);
  return { data: Uint8Array.from(Array(height).fill(row).flat()), width: values.length, height };
}

const firstRow = (pixels: Uint8Array, side: number) => Array.from({ length: side }, (_, x) => pixels[3 * x]);

describe("toSquare", () => {
  test("halving weighs pixels 1 3 3 1, the triangle of radius 2; at the edge what is left of it", () => {
    const square = toSquare(lines([0, 80, 160, 240], 4), shape(2));
    // Left: pixels 0, 1, 2 with 3, 3, 1: (0 + 240 + 160) / 7; right mirrored: (80 + 3 * 160 + 3 * 240) / 7.
    expect(firstRow(square, 2)).toEqual([Math.round(400 / 7), Math.round(1280 / 7)]);
  });

  test("of a wide picture the middle square, of a tall one too; of an odd rest one pixel more is cut at the beginning", () => {
    const wide = lines([9, 9, 1, 2, 3, 4, 9, 9], 4);
    expect(firstRow(toSquare(wide, shape(4)), 4)).toEqual([1, 2, 3, 4]);
    expect(firstRow(toSquare(lines([9, 1, 2, 3, 4, 5, 6], 4), shape(4)), 4)).toEqual([2, 3, 4, 5]);
    const tall = { data: Uint8Array.from([0, 1, 2, 3, 4, 5].flatMap((y) => Array(12).fill(y))), width: 4, height: 6 };
    const rows = toSquare(tall, shape(4));
    expect([0, 1, 2, 3].map((y) => rows[y * 12])).toEqual([1, 2, 3, 4]);
  });

  test("a model that crops none refuses what is not square; a grey model gets luma", () => {
    const image = lines([0, 0, 0], 2);
    expect(() => toSquare(image, shape(2, { crop: "none" }))).toThrow("an image of 3x2 is not square");
    const red = { data: Uint8Array.of(255, 0, 0), width: 1, height: 1 };
    expect([...toSquare(red, shape(1, { colour: "grey" }))]).toEqual([76, 76, 76]);
  });

  // Mean and largest difference on the machine that wrote this; libvips rounds to 8 bits between its steps, decodes a
  // JPEG to an eighth in the frequency domain, and takes libwebp's own resizing. Allowed is twice the mean.
  test.each([
    ["faces/color/a.jpg", 16, 0.68],
    ["faces/color/a.jpg", 32, 0.68],
    ["faces/color/a.jpg", 64, 0.4],
    ["faces/color/a.jpg", 128, 0.1],
    ["faces/color/odd size.jpeg", 16, 0.74],
    ["faces/gray/g.jpg", 16, 0.55],
    ["faces/gray/g8.png", 16, 1.1],
    ["objects/alpha.png", 32, 0.7],
    ["objects/palette.png", 32, 0.5],
    ["objects/photo.webp", 16, 1.4],
    ["objects/photo.webp", 32, 1.7],
    ["objects/rotated_exif3.jpg", 32, 0.6],
    ["objects/rotated_exif6.jpg", 32, 0.5],
    ["objects/deep/rgb16.png", 32, 0.6],
    ["objects/cmyk.jpg", 32, 0.6],
  ])("%s at %i is the square of a training pack, %f of 255 apart on average", async (name, resolution, allowed) => {
    const file = readFileSync(fixture(`imagefolder/${name}`));
    const { pixels, encoding } = await decodePhoto(file);
    const mine = toSquare(pixels, shape(resolution), encoding);
    const pack = (await decodeSquare(file, resolution, "center")).pixels;
    expect(meanDifference(mine, pack)).toBeLessThan(allowed);
  });

  test.each([
    [16, 1.2],
    [32, 1.0],
    [128, 0.4],
  ])("CelebA's crop at %i is that of a pack, %f apart", async (resolution, allowed) => {
    const file = readFileSync(fixture("datasets/celeba/img_align_celeba/000001.jpg"));
    const { pixels, encoding } = await decodePhoto(file);
    const mine = toSquare(pixels, shape(resolution, { crop: "celeba" }), encoding);
    expect(meanDifference(mine, (await decodeSquare(file, resolution, "celeba")).pixels)).toBeLessThan(allowed);
  });
});

test("a picture is put on white, becomes numbers in [-1, 1], and those pixels again", () => {
  const half = onWhite({ data: Uint8ClampedArray.of(0, 100, 200, 128, 10, 20, 30, 255), width: 2, height: 1 });
  // 0 · a + 255 (1 - a), a = 128/255
  expect([...half.data]).toEqual([127, 177, 227, 10, 20, 30]);
  const planes = new Float32Array(12);
  const pixels = Uint8Array.from([0, 127, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  writePlanes(planes, pixels);
  expect(planes[0]).toBe(-1);
  expect(planes[8]).toBe(1);
  expect([...toRgba(planes, 2)].filter((_, i) => i % 4 !== 3)).toEqual([...pixels]);
  expect([...toRgba(Float32Array.of(-9, 9, Number.NaN), 1)]).toEqual([0, 255, 0, 255]);
  expect(() => onWhite({ data: new Uint8Array(5), width: 1, height: 1 })).toThrow(
    "has 1 pixels of 1 to 4 values, not 5 values",
  );
});

test("formats are known by their first bytes", () => {
  const of = (name: string) => encodingOf(readFileSync(fixture(`imagefolder/${name}`)));
  expect(of("faces/color/a.jpg")).toBe("jpeg");
  expect(of("objects/photo.webp")).toBe("webp");
  expect(of("objects/palette.png")).toBe("other");
});

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length;
}
