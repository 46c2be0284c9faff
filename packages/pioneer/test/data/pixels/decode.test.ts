import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { linearGrey, withProfile } from "../../../../runtime/test/support/grey-profile.ts";
import { decodeSquare, decodeWhole, isGrey, readSize, repeatGrey, toGrey } from "../../../src/data/pixels/decode.ts";
import { imageFolder, png } from "../support.ts";

interface Expected {
  readonly file: string;
  readonly valid: boolean;
  readonly width: number;
  readonly height: number;
  readonly mean_rgb: readonly number[];
  readonly quadrant_mean_rgb: Readonly<Record<string, readonly number[]>>;
  readonly tolerance: number;
}

const { files } = JSON.parse(readFileSync(join(imageFolder, "README.json"), "utf8")) as { files: Expected[] };
const read = (file: string) => readFileSync(join(imageFolder, file));

type Part = readonly [left: number, top: number, right: number, bottom: number];

/** Mean of each channel over a part of RGB pixels. */
function meanOf(pixels: Uint8Array, width: number, [x0, y0, x1, y1]: Part): number[] {
  const sums = [0, 0, 0];
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      for (let c = 0; c < 3; c++) sums[c] = (sums[c] ?? 0) + (pixels[3 * (y * width + x) + c] ?? 0);
    }
  }
  return sums.map((sum) => sum / (x1 - x0) / (y1 - y0));
}

describe("photos of every kind", () => {
  test.each(files.filter(({ valid }) => valid))("$file has the size and colours it should", async (expected) => {
    const { width, height, pixels } = await decodeWhole(read(expected.file));
    expect([width, height]).toEqual([expected.width, expected.height]);
    const middle = [Math.floor(width / 2), Math.floor(height / 2)] as const;
    const parts: [Part, readonly number[] | undefined][] = [
      [[0, 0, width, height], expected.mean_rgb],
      [[0, 0, middle[0], middle[1]], expected.quadrant_mean_rgb.top_left],
      [[middle[0], 0, width, middle[1]], expected.quadrant_mean_rgb.top_right],
      [[0, middle[1], middle[0], height], expected.quadrant_mean_rgb.bottom_left],
      [[middle[0], middle[1], width, height], expected.quadrant_mean_rgb.bottom_right],
    ];
    for (const [part, means] of parts) {
      meanOf(pixels, width, part).forEach((mean, channel) => {
        expect(Math.abs(mean - (means?.[channel] ?? Number.NaN))).toBeLessThanOrEqual(expected.tolerance);
      });
    }
  });

  test.each(files.filter(({ valid }) => !valid))("$file is refused in one line", async ({ file }) => {
    await expect(decodeSquare(read(file), 32, "center")).rejects.toThrow(
      /^(cannot be decoded: .+|is empty \(0 bytes\))$/,
    );
  });

  test("16-bit values are divided by 257, not cut to their high byte", async () => {
    const below = 100 * 257 + 150; // 100.6; its high byte is 100
    const above = 200 * 257 + 60; // 200.2; its high byte is 201
    const image = sharp(Uint16Array.from([below, above, below, above]), {
      raw: { width: 2, height: 2, channels: 1 },
    }).toColourspace("grey16");
    const { pixels } = await decodeWhole(await image.png().toBuffer());
    expect([...pixels.subarray(0, 6)]).toEqual([101, 101, 101, 200, 200, 200]);
  });

  test("a colour profile of 16-bit grey is applied, as that of 8-bit grey", async () => {
    const levels = [0, 64, 128, 200, 255];
    const raw = { width: levels.length, height: 1, channels: 1 as const };
    const shallow = sharp(Uint8Array.from(levels), { raw }).toColourspace("b-w");
    const deep = sharp(
      Uint16Array.from(levels, (level) => 257 * level),
      { raw },
    ).toColourspace("grey16");
    const pixelsOf = async (photo: typeof deep) =>
      (await decodeWhole(withProfile(await photo.png().toBuffer(), linearGrey))).pixels.filter((_, i) => i % 3 === 0);
    const wanted = await pixelsOf(shallow);
    // The sRGB curve of light x = level / 255: 1.055 x^(1/2.4) - 0.055.
    expect([...wanted]).toEqual([0, 137, 188, 229, 255]);
    expect(await pixelsOf(deep)).toEqual(wanted);
  });

  test("half-transparent grey lies on white", async () => {
    const grey = sharp(Buffer.from([100, 128]), { raw: { width: 1, height: 1, channels: 2 } });
    const { pixels } = await decodeWhole(await grey.png().toBuffer());
    // 100 · 128/255 + 255 · 127/255 = 177.2
    for (const value of pixels) expect(Math.abs(value - 177.2)).toBeLessThan(1);
    expect(pixels.length).toBe(3);
  });

  test("what would take too much memory is refused by its size, before it is decoded", async () => {
    const create = { width: 8, height: 8, channels: 3 as const, background: "#888" };
    const progressive = await sharp({ create }).jpeg({ progressive: true, chromaSubsampling: "4:4:4" }).toBuffer();
    const frame = progressive.indexOf(Buffer.from([0xff, 0xc2]));
    for (const at of [frame + 5, frame + 7]) progressive.writeUInt16BE(14_000, at);
    await expect(decodeSquare(progressive, 4, "center")).rejects.toThrow(
      /^is too large: 14000x14000, decoding takes 1\.1 GiB; at most 1\.0 GiB are taken: make it smaller, or give --max-pixels 196000000 if this machine has the memory$/,
    );
    // A limit of one's own stands alone.
    expect(await readSize(progressive, 196_000_000)).toMatchObject({ width: 14_000, height: 14_000 });
    const small = await png(8, 8, () => [1, 2, 3]);
    await expect(decodeSquare(small, 4, "center", 63)).rejects.toThrow(
      /at most 63 pixels are read: make it smaller, or /,
    );
    expect((await decodeSquare(small, 4, "center", 64)).pixels.subarray(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
    const large = Buffer.from(small);
    // Width and height of the header, whose checksum nobody compares before that.
    large.writeUInt32BE(20_000, 16);
    large.writeUInt32BE(20_000, 20);
    await expect(decodeSquare(large, 4, "center")).rejects.toThrow(/^(is too large: 20000x20000|cannot be decoded)/);
  });

  test("tiff, gif and avif are read", async () => {
    const source = sharp(await png(40, 30, [200, 100, 50]));
    const encoded = [
      await source.clone().tiff().toBuffer(),
      await source.clone().gif().toBuffer(),
      await source.clone().avif({ quality: 90 }).toBuffer(),
    ];
    for (const image of encoded) {
      const { width, height, pixels } = await decodeWhole(image);
      expect([width, height]).toEqual([40, 30]);
      const mean = meanOf(pixels, 40, [0, 0, 40, 30]);
      [200, 100, 50].forEach((value, channel) => {
        expect(Math.abs((mean[channel] ?? 0) - value)).toBeLessThan(3);
      });
    }
  });
});

describe("squares", () => {
  // Three vertical bands of one third each: the middle square of a 3:1 photo is the middle band.
  const bands = (x: number) =>
    (
      [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
      ] as const
    )[Math.floor(x / 48)] ?? [0, 0, 0];

  test("center takes the middle square", async () => {
    const { pixels, enlarged, width } = await decodeSquare(await png(144, 48, bands), 16, "center");
    expect({ enlarged, width, length: pixels.length }).toEqual({ enlarged: false, width: 144, length: 16 * 16 * 3 });
    // The filter reaches 3 source pixels beyond the edge: the first and last column may mix.
    for (let i = 0; i < 256; i++) {
      if (i % 16 > 0 && i % 16 < 15) expect([...pixels.subarray(3 * i, 3 * i + 3)]).toEqual([0, 255, 0]);
    }
  });

  test("none refuses what is not square, and says the size", async () => {
    const image = await png(20, 10, [1, 2, 3]);
    await expect(decodeSquare(image, 8, "none")).rejects.toThrow("is 20x10, not square; crop it, or use crop center");
    expect((await decodeSquare(await png(20, 20, [1, 2, 3]), 8, "none")).pixels[2]).toBe(3);
  });

  test("celeba resizes to 128 first: at 128 it equals center, at 32 it comes within rounding of it", async () => {
    const photo = await png(178, 218, (x, y) => [x, y, (x * y) % 256]);
    const [authors, middle] = [await decodeSquare(photo, 128, "celeba"), await decodeSquare(photo, 128, "center")];
    expect(authors.pixels).toEqual(middle.pixels);
    const [twice, once] = [await decodeSquare(photo, 32, "celeba"), await decodeSquare(photo, 32, "center")];
    expect(twice.pixels).not.toEqual(once.pixels);
    expect(twice.pixels.length).toBe(once.pixels.length);
  });

  test("a small photo is enlarged, and that is told", async () => {
    expect((await decodeSquare(await png(10, 30, [9, 9, 9]), 16, "center")).enlarged).toBe(true);
    expect((await decodeSquare(await png(16, 30, [9, 9, 9]), 16, "center")).enlarged).toBe(false);
  });

  test.each([48, 40, 32])("reducing 64 to %i is a triangle filter as wide as two of its pixels", async (side) => {
    const noise = (x: number) => (Math.imul(x + 1, 2654435761) >>> 24) & 255;
    const photo = await png(64, 64, (x) => [noise(x), noise(x), noise(x)]);
    const { pixels } = await decodeSquare(photo, side, "center");
    const scale = 64 / side;
    let error = 0;
    for (let column = 0; column < side; column++) {
      let [sum, weights] = [0, 0];
      for (let x = 0; x < 64; x++) {
        const weight = Math.max(0, 1 - Math.abs((x + 0.5) / scale - (column + 0.5)));
        sum += weight * noise(x);
        weights += weight;
      }
      error += Math.abs((pixels[3 * column] ?? 0) - sum / weights) / side;
    }
    // Measured 0.26 to 0.49 of 255; libvips' other kernels, 1.5 to 60 (2026-11, libvips 8.18).
    expect(error).toBeLessThan(1);
  });

  test("grey is found, made and repeated", () => {
    expect(isGrey(Uint8Array.from([5, 5, 5, 9, 9, 9]))).toBe(true);
    expect(isGrey(Uint8Array.from([5, 5, 5, 9, 9, 8]))).toBe(false);
    expect([...toGrey(Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 7, 7, 7]))]).toEqual([76, 150, 29, 7]);
    expect([...repeatGrey(Uint8Array.from([3, 4]))]).toEqual([3, 3, 3, 4, 4, 4]);
  });
});
