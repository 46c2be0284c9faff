import sharp from "sharp";
import { writeWhole } from "../base/disk.ts";
import { composeGrid, type RgbImage } from "./grid.ts";

/**
 * Writes a picture, all of it or nothing.
 * @param path its folder is made if it is missing
 * @returns the bytes of the file
 * @throws DataError in one line if the disk refuses
 */
export async function writePng(path: string, image: RgbImage): Promise<Buffer> {
  const png = await encodePng(image);
  await writeWhole(path, png);
  return png;
}

/**
 * Writes one image of a model in its own size.
 * @param image [3, r, r] in [-1, 1], values outside clamped
 */
export async function writeImage(path: string, image: Float32Array, resolution: number): Promise<void> {
  await writePng(path, composeGrid(image, { resolution, columns: 1, minCell: resolution }));
}

/** The bytes of a PNG file. */
function encodePng({ pixels, width, height }: RgbImage): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
