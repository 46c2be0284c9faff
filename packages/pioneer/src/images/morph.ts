import { join } from "node:path";
import { latentGrid, latentRow, latentStrip, type Model } from "pioneer-runtime";
import { decodeAll, encodeAll, imageSize } from "./batches.ts";
import { composeGrid, white } from "./grid.ts";
import { loadPhotos } from "./photo.ts";
import { writeImage, writePng } from "./png.ts";
import { type RefineAllOptions, refineAll } from "./refine.ts";

/**
 * Interpolates between the encodings of two photos (a strip) or four (a square; corners top-left, top-right,
 * bottom-left, bottom-right) on the sphere, and writes each step and grid.png, the originals above the morph.
 * @param paths 2 or 4 photos
 * @param steps images from one photo to the next, both ends included, at least 2
 * @returns the files, the grid last
 * @throws DataError naming the first photo that cannot be read, or the file that cannot be written
 */
export async function writeMorph(
  model: Model,
  paths: readonly string[],
  { steps, out, ...refining }: RefineAllOptions & { readonly steps: number; readonly out: string },
): Promise<{ files: string[]; grid: string }> {
  const { resolution } = model;
  const size = imageSize(model);
  const originals = await loadPhotos(paths, model);
  const encodings = await refineAll(model, originals, await encodeAll(model, originals), refining);
  const row = (index: number) => latentRow(encodings, model.latent, index);
  const isStrip = paths.length === 2;
  const latents = isStrip ? latentStrip(row(0), row(1), steps) : latentGrid([row(0), row(1), row(2), row(3)], steps);
  const images = await decodeAll(model, latents);

  const files: string[] = [];
  for (let i = 0; i < images.length / size; i++) {
    const [down, across] = [Math.floor(i / steps) + 1, (i % steps) + 1].map((n) => String(n).padStart(2, "0"));
    const file = join(out, isStrip ? `step-${across}.png` : `cell-${down}-${across}.png`);
    await writeImage(file, images.subarray(i * size, (i + 1) * size), resolution);
    files.push(file);
  }

  // Originals on a row of their own, two of them above the ends, then the morph; what a row does not fill is white.
  const columns = Math.max(steps, paths.length);
  const rows = isStrip ? 1 : steps;
  const cells = new Float32Array((1 + rows) * columns * size).fill(white);
  const places = isStrip ? [0, steps - 1] : [0, 1, 2, 3];
  for (const [i, place] of places.entries()) cells.set(originals.subarray(i * size, (i + 1) * size), place * size);
  for (let y = 0; y < rows; y++) {
    cells.set(images.subarray(y * steps * size, (y + 1) * steps * size), (1 + y) * columns * size);
  }
  const grid = join(out, "grid.png");
  await writePng(grid, composeGrid(cells, { resolution, columns }));
  return { files: [...files, grid], grid };
}
