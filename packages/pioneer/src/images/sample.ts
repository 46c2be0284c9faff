import { join } from "node:path";
import { latentSampler, type Model } from "pioneer-runtime/internal";
import { composeGrid } from "../pictures/grid.ts";
import { writeImage, writePng } from "../pictures/png.ts";
import { decodeAll, imageSize } from "./batches.ts";
import type { PictureOptions } from "./pictures.ts";

/** Samples are decoded and written in groups, so that any number fits in memory; a grid shows the first group. */
const sampleGroup = 256;

export interface SampleOptions extends PictureOptions {
  readonly out: string;
  readonly count: number;
  /** The same seed gives the same images; more of them begin with the same ones. */
  readonly seed: number;
  /** Also write grid.png. */
  readonly grid: boolean;
}

/**
 * Decodes latents uniform on the sphere and writes each image.
 * @returns the files, and the grid's if there is one
 * @throws DataError naming the file that cannot be written
 */
export async function writeSamples(model: Model, options: SampleOptions): Promise<{ files: string[]; grid?: string }> {
  const { out, count, seed, scale, caption } = options;
  const { resolution, latent } = model;
  const size = imageSize(model);
  const next = latentSampler(latent, seed);
  const files: string[] = [];
  const grid = join(out, "grid.png");
  for (let start = 0; start < count; start += sampleGroup) {
    const images = await decodeAll(model, next(Math.min(sampleGroup, count - start)));
    const decoded = images.length / size;
    for (let i = 0; i < decoded; i++) {
      const file = join(out, `sample-${String(start + i + 1).padStart(6, "0")}.png`);
      await writeImage(file, images.subarray(i * size, (i + 1) * size), resolution, scale);
      files.push(file);
    }
    if (options.grid && start === 0) {
      await writePng(grid, composeGrid(images, { resolution, scale, caption, columns: Math.ceil(Math.sqrt(decoded)) }));
    }
  }
  return options.grid ? { files: [...files, grid], grid } : { files };
}
