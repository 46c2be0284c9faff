import { describe, expect, test } from "vitest";
import { composeGrid, type RgbImage } from "../../src/pictures/grid.ts";
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
    const grid = composeGrid(redImage, { resolution: 4, columns: 8, minCell: 4, gap: 0 });
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
});
