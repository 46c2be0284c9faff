import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import sharp from "sharp";
import { makeFolders, onDisk } from "../data/disk.ts";
import { composeGrid, type RgbImage } from "./grid.ts";

/**
 * Writes a picture beside its place and renames it there, so that a reader never sees half of one.
 * @param path its folder is made if it is missing
 * @returns the bytes of the file
 * @throws DataError in one line if the disk refuses
 */
export async function writePng(path: string, image: RgbImage): Promise<Buffer> {
  const png = await encodePng(image);
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  await onDisk(path, async () => {
    makeFolders(dirname(path));
    try {
      await writeFile(beside, png);
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  });
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
