import sharp from "sharp";
import { writeWhole } from "../base/write.ts";
import { composeGrid } from "./grid.ts";
import { checkPicturePlace, markPng } from "./mark.ts";
import type { RgbImage } from "./rgb-image.ts";

/**
 * Writes a picture with our mark, all of it or nothing. It replaces pictures with the mark only.
 * @param path its folder is made if it is missing
 * @returns the bytes of the file
 * @throws DataError in one line if the disk refuses, or a file of the user's is there
 */
export async function writePng(path: string, image: RgbImage): Promise<Buffer> {
  await checkPicturePlace(path);
  const png = markPng(await encodePng(image));
  await writeWhole(path, png);
  return png;
}

/** The same in a folder that is ours and there, where pictures without the mark are of an older version. */
export async function replacePng(path: string, image: RgbImage): Promise<Buffer> {
  const png = markPng(await encodePng(image));
  await writeWhole(path, png, "is there");
  return png;
}

/** Writes a photo of a data set, without the mark: it may be packed again. */
export async function writePhoto(path: string, image: RgbImage): Promise<void> {
  await writeWhole(path, await encodePng(image));
}

/**
 * Writes one image of a model, each pixel as a square of `scale` by `scale`.
 * @param image [3, r, r] in [-1, 1], values outside clamped
 */
export async function writeImage(path: string, image: Float32Array, resolution: number, scale = 1): Promise<void> {
  await writePng(path, composeGrid(image, { resolution, columns: 1, scale }));
}

/** The bytes of a PNG file. */
function encodePng({ pixels, width, height }: RgbImage): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
