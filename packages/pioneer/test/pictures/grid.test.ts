import { describe, expect, test } from "vitest";
import { composeAt, composeGrid, groupsPerRow } from "../../src/pictures/grid.ts";
import { headingHeight } from "../../src/pictures/lettering.ts";
import { squarePlaces, stripPlaces } from "../../src/pictures/morph-places.ts";
import type { RgbImage } from "../../src/pictures/rgb-image.ts";
import { planes } from "./support.ts";

const pixelAt = ({ pixels, width }: RgbImage, x: number, y: number) => [
  ...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];
const [red, blue, white] = [
  [255, 0, 0],
  [0, 0, 255],
  [255, 255, 255],
];

describe("composeGrid", () => {
  const redImage = planes([1, -1, -1], { "3,0": [-1, -1, 1] });
  const greyImage = planes([0, 0, 0]);
  const images = Float32Array.from([...redImage, ...greyImage, ...greyImage]);

  test("cells stand side by side with a gap, small images enlarged to at least 64 pixels", () => {
    const grid = composeGrid(images, { resolution: 4, columns: 2 });
    expect([grid.width, grid.height]).toEqual([64 + 2 + 64, 64 + 2 + 64]);
    expect(pixelAt(grid, 0, 0)).toEqual(red);
    expect(pixelAt(grid, 47, 15)).toEqual(red);
    expect(pixelAt(grid, 48, 0)).toEqual(blue); // pixel (3, 0) is the square from 48 to 63
    expect(pixelAt(grid, 63, 15)).toEqual(blue);
    expect(pixelAt(grid, 63, 16)).toEqual(red);
    expect(pixelAt(grid, 64, 10)).toEqual(white);
    expect(pixelAt(grid, 66, 0)).toEqual([128, 128, 128]);
    expect(pixelAt(grid, 0, 66)).toEqual([128, 128, 128]);
    expect(pixelAt(grid, 66, 66)).toEqual(white); // the fourth cell is not there
  });

  test("an image that is large enough keeps its pixels", () => {
    const grid = composeGrid(redImage, { resolution: 4, columns: 8, scale: 1 });
    expect([grid.width, grid.height]).toEqual([4, 4]);
    expect(pixelAt(grid, 3, 0)).toEqual(blue);
    expect(pixelAt(grid, 2, 0)).toEqual(red);
  });

  test("values outside [-1, 1] are clamped, values between are rounded", () => {
    const image = planes([-3, 7, -1 + 1.4 / 127.5]);
    expect(pixelAt(composeGrid(image, { resolution: 4, columns: 1 }), 5, 5)).toEqual([0, 255, 1]);
  });

  test("values that are no whole number of images are refused", () => {
    expect(() => composeGrid(new Float32Array(47), { resolution: 4, columns: 2 })).toThrow(
      "composeGrid: expected images of 3 x 4 x 4 values and at least 1 column, got 47 values and 2 columns",
    );
  });

  /** Grey levels that occur in a box. */
  const levelsIn = ({ pixels, width }: RgbImage, left: number, top: number, across: number, down: number) => {
    const found = new Set<number>();
    for (let y = top; y < top + down; y++)
      for (const value of pixels.subarray((y * width + left) * 3, (y * width + left + across) * 3)) found.add(value);
    return [...found].sort((a, b) => a - b);
  };
  const grey = Float32Array.from(
    Array(10)
      .fill([...greyImage])
      .flat(),
  );
  const above = headingHeight(64);

  test("pairs touch, and white stands between them; each is headed photo and reconstruction", () => {
    const headings = [{ text: "photo" }, { text: "reconstruction" }];
    const grid = composeGrid(grey, { resolution: 4, columns: 4, groups: [2], headings });
    expect([grid.width, grid.height]).toEqual([4 * 64 + 8, above + 3 * 64 + 2 * 8]);
    for (const left of [0, 136]) expect(levelsIn(grid, left, above, 128, 64)).toEqual([128]);
    expect(levelsIn(grid, 128, 0, 8, grid.height)).toEqual([255]);
    expect(levelsIn(grid, 0, above + 64, grid.width, 8)).toEqual([255]);
    // "photo" begins each pair and "reconstruction", which is wider than its cell, ends it; they do not touch.
    for (const left of [0, 136]) {
      expect(levelsIn(grid, left, 0, 29, above)).toEqual([0, 255]);
      expect(levelsIn(grid, left + 29, 0, 16, above)).toEqual([255]);
      expect(levelsIn(grid, left + 45, 0, 83, above)).toEqual([0, 255]);
    }
  });

  test("a photo and the strengths of a direction: a gap after the photo, 0 white on black", () => {
    const headings = ["photo", "-1", "0", "+1"].map((text) => ({ text, mark: text === "0" }));
    const grid = composeGrid(grey.subarray(0, 4 * 48), { resolution: 4, columns: 4, groups: [1, 3], headings });
    expect([grid.width, grid.height]).toEqual([4 * 64 + 8, above + 64]);
    expect(levelsIn(grid, 64, 0, 8, grid.height)).toEqual([255]);
    expect(levelsIn(grid, 72, above, 3 * 64, 64)).toEqual([128]);
    const corner = (column: number) => pixelAt(grid, 72 + 64 * column, Math.floor(above / 2));
    expect([0, 1, 2].map(corner)).toEqual([white, [0, 0, 0], white]);
    expect(levelsIn(grid, 72 + 64, 1, 64, above - 2)).toEqual([0, 255]);
  });

  test("a caption stands below, in more lines where the grid is narrow, and is cut after four", () => {
    const plain = composeGrid(grey, { resolution: 4, columns: 5 });
    const height = (caption: string, columns = 5) =>
      composeGrid(grey, { resolution: 4, columns, caption }).height -
      composeGrid(grey, { resolution: 4, columns }).height;
    const line = height("runs/faces, 120 kimg");
    expect(height("runs/faces, 120 kimg; pioneer reconstruct", 1)).toBeGreaterThan(2 * line);
    expect(height("word ".repeat(100), 1)).toBe(height("word ".repeat(90), 1));
    const grid = composeGrid(grey, { resolution: 4, columns: 5, caption: "runs/faces, 120 kimg" });
    expect(Buffer.from(grid.pixels.subarray(0, plain.pixels.length)).equals(plain.pixels)).toBe(true);
    expect(levelsIn(grid, 0, plain.height, 20 * 6, line)).toEqual([96, 255]);
    expect(levelsIn(grid, 20 * 6, plain.height, 50, line)).toEqual([255]);
  });

  test("rows by count: 200 pairs are no tower, and a few stand below each other", () => {
    expect([1, 2, 3, 5, 200].map((count) => groupsPerRow(count, 2))).toEqual([1, 1, 2, 2, 12]);
    expect([1, 5, 200].map((count) => groupsPerRow(count, 8))).toEqual([1, 1, 6]);
  });

  test("the photos of a morph stand half a cell outside its corners", () => {
    const square = squarePlaces(3);
    expect(square.photos).toEqual([
      { row: 0, column: 0 },
      { row: 0, column: 5 },
      { row: 2, column: 0 },
      { row: 2, column: 5 },
    ]);
    expect(square.cells[0]).toEqual({ row: 0, column: 1.5 });
    expect(square.cells.at(-1)).toEqual({ row: 2, column: 3.5 });
    const { photos, cells, headings } = stripPlaces(2);
    const grid = composeAt(grey.subarray(0, 4 * 48), [...photos, ...cells], { resolution: 4, headings });
    expect([grid.width, grid.height]).toEqual([4 * 66 + 64, above + 64]);
    for (const left of [0, 99, 99 + 66, 4 * 66]) expect(levelsIn(grid, left, above, 64, 64)).toEqual([128]);
    for (const left of [64, 99 + 66 + 64]) expect(levelsIn(grid, left, 0, 35, grid.height)).toEqual([255]);
    for (const left of [0, 4 * 66]) expect(levelsIn(grid, left, 0, 64, above)).toEqual([0, 255]);
  });
});
