import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { loadPhotos } from "../../src/images/photo.ts";
import { composeGrid, type RgbImage } from "../../src/pictures/grid.ts";
import { writePng } from "../../src/pictures/png.ts";

const folder = mkdtempSync(join(tmpdir(), "pioneer-images-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pixelAt = ({ pixels, width }: RgbImage, x: number, y: number) => [
  ...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];
const [red, blue, white] = [
  [255, 0, 0],
  [0, 0, 255],
  [255, 255, 255],
];

/** Planes of one 4x4 image: every pixel grey but the ones named. */
function planes(fill: readonly number[], marks: Record<string, readonly number[]> = {}): Float32Array {
  const image = new Float32Array(48);
  for (let y = 0; y < 4; y++) {
    for (let x = 0; x < 4; x++) {
      for (let c = 0; c < 3; c++) image[c * 16 + y * 4 + x] = (marks[`${x},${y}`] ?? fill)[c] ?? Number.NaN;
    }
  }
  return image;
}

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

describe("writePng", () => {
  test("writes what was composed, makes the folder and leaves nothing else", async () => {
    const grid = composeGrid(planes([1, -1, 0]), { resolution: 4, columns: 1, minCell: 4 });
    await writePng(join(folder, "new", "grid.png"), grid);
    const { data, info } = await sharp(join(folder, "new", "grid.png"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([4, 4, 3]);
    expect([...data]).toEqual([...grid.pixels]);
    expect(readdirSync(join(folder, "new"))).toEqual(["grid.png"]);
  });

  test("a place that cannot be written is one line, and nothing half-written stays", async () => {
    mkdirSync(join(folder, "taken", "grid.png", "in-it"), { recursive: true });
    const grid = composeGrid(planes([0, 0, 0]), { resolution: 4, columns: 1 });
    await expect(writePng(join(folder, "taken", "grid.png"), grid)).rejects.toThrow(/grid\.png: [^\n]+$/);
    expect(readdirSync(join(folder, "taken"))).toEqual(["grid.png"]);
  });
});

describe("loadPhotos", () => {
  const shape = { resolution: 8, crop: "center", colour: "rgb" } as const;

  test("a wide photo gives its middle square, as planes in [-1, 1], in the order of the paths", async () => {
    // 24x8: red, green, blue squares; the middle one is the crop.
    const band = (x: number) => (x < 8 ? [255, 0, 0] : x < 16 ? [0, 255, 0] : [0, 0, 255]);
    const bytes = Array.from({ length: 24 * 8 }, (_, i) => band(i % 24)).flat();
    const wide = join(folder, "wide.png");
    const plain = join(folder, "plain.png");
    await writePng(wide, { pixels: Uint8Array.from(bytes), width: 24, height: 8 });
    await writePng(plain, { pixels: new Uint8Array(16 * 16 * 3).fill(51), width: 16, height: 16 });
    const images = await loadPhotos([wide, plain, wide, plain, plain], shape);
    expect(images.length).toBe(5 * 3 * 64);
    const values = (index: number, channel: number) => {
      const plane = images.subarray((index * 3 + channel) * 64, (index * 3 + channel + 1) * 64);
      return [...new Set(plane)];
    };
    for (const index of [0, 2]) {
      expect([0, 1, 2].map((channel) => values(index, channel))).toEqual([[-1], [1], [-1]]);
    }
    for (const index of [1, 3, 4]) {
      expect([0, 1, 2].map((channel) => values(index, channel))).toEqual(Array(3).fill([Math.fround(-0.6)]));
    }
  });

  test("a grey model sees luma in all three channels", async () => {
    const path = join(folder, "red.png");
    await writePng(path, { pixels: Uint8Array.from(Array(64).fill(red).flat()), width: 8, height: 8 });
    const images = await loadPhotos([path], { ...shape, colour: "grey" });
    expect([...new Set(images)]).toEqual([Math.fround(76 / 127.5 - 1)]); // 0.299 · 255 = 76.2
  });

  test("a missing file, a text file and a wide photo for a model without crop are one line each", async () => {
    const missing = join(folder, "missing.jpg");
    await expect(loadPhotos([missing], shape)).rejects.toThrow(`${missing}: no such file or folder; check the path`);
    const text = join(folder, "notes.txt");
    writeFileSync(text, "no image");
    await expect(loadPhotos([text], shape)).rejects.toThrow(/notes\.txt cannot be decoded: [^\n]+$/);
    const wide = join(folder, "wide2.png");
    await writePng(wide, { pixels: new Uint8Array(24 * 8 * 3), width: 24, height: 8 });
    await expect(loadPhotos([wide], { ...shape, crop: "none" })).rejects.toThrow(/wide2\.png is 24x8, not square/);
  });
});
