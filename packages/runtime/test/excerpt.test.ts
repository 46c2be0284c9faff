// Large photos are read in part, and smaller: what comes of them is what comes of the whole.
import { expect, test } from "vitest";
import type { FaceTemplate } from "../src/align.ts";
import { squareOf } from "../src/inputs.ts";
import type { Decoded, ExcerptOf } from "../src/platform.ts";
import { type Encoding, type Excerpt, excerptForSquare, type RgbPixels, shrink } from "../src/resize.ts";
import { worst } from "./support/fixtures.ts";

/** Waves of about eight pixels of the square, steep enough to show a shift by a twentieth of one. */
const photo: RgbPixels = (() => {
  const [width, height] = [884, 802];
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      data[at] = 128 + 100 * Math.sin(x / 32);
      data[at + 1] = 128 + 100 * Math.sin(y / 32);
      data[at + 2] = 128 + 100 * Math.sin((x + y) / 45);
    }
  }
  return { data, width, height };
})();

/** Reads an excerpt as a page does, by means over boxes. */
function read({ left, top, width, height, factor }: Excerpt): RgbPixels {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((top + y) * photo.width + left);
    data.set(photo.data.subarray(from, from + 3 * width), 3 * y * width);
  }
  return shrink({ data, width, height }, factor, Math.ceil);
}

/** What gives the whole photo, or an excerpt of it at half its size. */
const photos = (encoding: Encoding, excerptOf?: (whole: Excerpt) => Excerpt) => ({
  readPhoto: () => Promise.reject(new Error("no address was given")),
  async decode(_: unknown, wanted: ExcerptOf): Promise<Decoded> {
    const excerpt = excerptOf?.(wanted(photo, encoding));
    return { pixels: excerpt ? read(excerpt) : photo, encoding, ...(excerpt && { excerpt }) };
  },
});

const file = new Blob(["a photo"]);

// Of 200 from crest to trough: means are rounded to 8 bits once more, and the boxes they are taken over lie elsewhere.
const levels = 3;

test.each(["jpeg", "other"] as const)("the middle square of a %s that is read at half its size", async (encoding) => {
  const shape = { resolution: 32, crop: "center", colour: "rgb", align: null } as const;
  const half = () => excerptForSquare(photo, shape, encoding, 400_000);
  expect(half().factor).toBe(2);
  const whole = await squareOf(photos(encoding), file, undefined, shape, undefined);
  const smaller = await squareOf(photos(encoding, half), file, undefined, shape, undefined);
  expect(worst(smaller, whole)).toBeLessThanOrEqual(levels);
});

test("a face whose part of the photo is read at half its size", async () => {
  const align: FaceTemplate = { eyeLeft: [0.32, 0.387], eyeRight: [0.68, 0.387], mouth: [0.5, 0.781] };
  const shape = { resolution: 32, crop: "center", colour: "rgb", align } as const;
  const face = { eyeLeft: [380, 310], eyeRight: [500, 318], mouth: [436, 450] } as const;
  const whole = await squareOf(photos("other"), file, face, shape, undefined);
  const half = (region: Excerpt) => ({ ...region, factor: 2 });
  const smaller = await squareOf(photos("other", half), file, face, shape, undefined);
  expect(worst(smaller, whole)).toBeLessThanOrEqual(levels);
});

test("what is small is read whole; of what is large, as much as the pack's decoder takes", () => {
  const shape = { crop: "center", resolution: 64 } as const;
  const all = (width: number, height: number) => ({ left: 0, top: 0, width, height });
  expect(excerptForSquare({ width: 4096, height: 4096 }, shape, "jpeg")).toEqual({ ...all(4096, 4096), factor: 1 });
  expect(excerptForSquare({ width: 4097, height: 4096 }, shape, "other")).toEqual({ ...all(4097, 4096), factor: 2 });
  expect(excerptForSquare({ width: 4103, height: 4103 }, shape, "jpeg")).toEqual({ ...all(4096, 4096), factor: 2 });
  expect(excerptForSquare({ width: 24_000, height: 12_000 }, shape, "jpeg").factor).toBe(8);
});
