import { basename, extname, join } from "node:path";
import type { Model } from "pioneer-runtime";
import { decodeAll, encodeAll, imageSize } from "./batches.ts";
import { composeGrid } from "./grid.ts";
import { loadPhotos } from "./photo.ts";
import { writeImage, writePng } from "./png.ts";

/** Cells per row of the grid: four originals, each beside its reconstruction. */
const columns = 8;

export interface Reconstructions {
  /** Originals (as the model sees them) and reconstructions in turn, then the grid. */
  readonly files: string[];
  readonly grid: string;
  /** For each photo, the mean |difference| of pixel values in [-1, 1], which training calls x_recon. */
  readonly pairs: { readonly image: string; readonly l1: number }[];
}

/**
 * Encodes photos, decodes them again, and writes each pair and grid.png with all of them.
 * @throws DataError naming the first photo that cannot be read, or the file that cannot be written
 */
export async function writeReconstructions(
  model: Model,
  paths: readonly string[],
  out: string,
): Promise<Reconstructions> {
  const { resolution } = model;
  const size = imageSize(model);
  const originals = await loadPhotos(paths, model);
  const reconstructions = await decodeAll(model, await encodeAll(model, originals));
  const cells = new Float32Array(2 * originals.length);
  const [files, pairs]: [string[], Reconstructions["pairs"]] = [[], []];
  for (const [i, path] of paths.entries()) {
    const original = originals.subarray(i * size, (i + 1) * size);
    const reconstruction = reconstructions.subarray(i * size, (i + 1) * size);
    cells.set(original, 2 * i * size);
    cells.set(reconstruction, (2 * i + 1) * size);
    pairs.push({ image: path, l1: meanDifference(original, reconstruction) });
    // Numbered, as photos of two folders may have one name.
    const name = join(out, `${String(i + 1).padStart(4, "0")}-${basename(path, extname(path))}`);
    await writeImage(`${name}-original.png`, original, resolution);
    await writeImage(`${name}-reconstruction.png`, reconstruction, resolution);
    files.push(`${name}-original.png`, `${name}-reconstruction.png`);
  }
  const grid = join(out, "grid.png");
  await writePng(grid, composeGrid(cells, { resolution, columns }));
  return { files: [...files, grid], grid, pairs };
}

function meanDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length;
}
