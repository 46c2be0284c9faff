import { join } from "node:path";
import type { Model } from "pioneer-runtime/internal";
import { composeGrid } from "../pictures/grid.ts";
import { writeImage, writePng } from "../pictures/png.ts";
import { decodeAll, imageSize } from "./batches.ts";
import type { PictureOptions } from "./pictures.ts";

/** Latents are decoded and their pictures written in groups, so that any number fits in memory; a grid shows the first group. */
const group = 256;

export interface DecodedOptions extends PictureOptions {
  readonly out: string;
  readonly count: number;
  /** The next so many latents [count, latent]. */
  readonly next: (count: number) => Float32Array;
  /** Of each file, without its ending; counted from 0. */
  readonly nameOf: (index: number) => string;
  /** Also write grid.png. */
  readonly grid: boolean;
}

/**
 * Decodes latents and writes each image.
 * @returns the files, and the grid's if there is one
 * @throws DataError naming the file that cannot be written
 */
export async function writeDecoded(
  model: Model,
  { out, count, next, nameOf, scale, caption, ...options }: DecodedOptions,
): Promise<{ files: string[]; grid?: string }> {
  const { resolution } = model;
  const size = imageSize(model);
  const files: string[] = [];
  const grid = join(out, "grid.png");
  for (let start = 0; start < count; start += group) {
    const images = await decodeAll(model, next(Math.min(group, count - start)));
    const decoded = images.length / size;
    for (let i = 0; i < decoded; i++) {
      const file = join(out, `${nameOf(start + i)}.png`);
      await writeImage(file, images.subarray(i * size, (i + 1) * size), resolution, scale);
      files.push(file);
    }
    if (options.grid && start === 0) {
      await writePng(grid, composeGrid(images, { resolution, scale, caption, columns: Math.ceil(Math.sqrt(decoded)) }));
    }
  }
  return options.grid ? { files: [...files, grid], grid } : { files };
}

/** Rows of latents that are there already, so many at a time. */
export function rowsOf(latents: Float32Array, latent: number): DecodedOptions["next"] {
  let taken = 0;
  return (count) => {
    const from = taken;
    taken += count;
    return latents.subarray(from * latent, taken * latent);
  };
}
