import { join } from "node:path";
import type { Model } from "pioneer-runtime";
import { composeGrid, inGroups, toByte } from "../pictures/grid.ts";
import { writeImage, writePng } from "../pictures/png.ts";
import { psnrOf } from "../pictures/psnr.ts";
import { decodeAll, encodeAll, imageSize } from "./batches.ts";
import { numberedName } from "./numbered.ts";
import { loadPhotos, type PhotoOptions } from "./photo.ts";
import { type RefineAllOptions, refineAll } from "./refine.ts";

/** How near a reconstruction is to its photo. */
export interface Nearness {
  /** Mean |difference| of pixel values in [-1, 1], not clamped, which training calls x_recon. */
  readonly l1: number;
  /** 10 log10(255² / mse) in dB, of the 8-bit values that the files hold, mse at least 1/12 (58.9 dB). */
  readonly psnr: number;
  /** What the network of the perceptual term gives, of the 8-bit values; only where there is one. */
  readonly lpips?: number;
}

export interface Reconstructions {
  /** Originals (as the model sees them), reconstructions and refined ones in turn, then the grid. */
  readonly files: string[];
  readonly grid: string;
  /** For each photo how near the last picture of it is, and with refinement how near the encoder's was. */
  readonly pairs: ({ readonly image: string; readonly encoded?: Nearness } & Nearness)[];
}

/**
 * Encodes photos, decodes them again, with `refine` also after so many gradient steps, and writes each picture and grid.png with
 * all of them.
 * @throws DataError naming the first photo that cannot be read, or the file that cannot be written
 */
export async function writeReconstructions(
  model: Model,
  paths: readonly string[],
  { out, faceOf, ...refining }: PhotoOptions & RefineAllOptions,
): Promise<Reconstructions> {
  const { resolution } = model;
  const size = imageSize(model);
  const originals = await loadPhotos(paths, model, faceOf);
  const latents = await encodeAll(model, originals);
  const stages = [
    { name: "original", heading: "photo", images: originals },
    { name: "reconstruction", heading: "reconstruction", images: await decodeAll(model, latents) },
  ];
  if (refining.refine) {
    const refined = await refineAll(model, originals, latents, refining);
    stages.push({ name: "refined", heading: "refined", images: await decodeAll(model, refined) });
  }
  const distances = stages.slice(1).map(({ images }) => refining.perceptual?.distance.measure(originals, images));
  const cells = new Float32Array(stages.length * originals.length);
  const [files, pairs]: [string[], Reconstructions["pairs"]] = [[], []];
  for (const [i, path] of paths.entries()) {
    const base = numberedName(i, path);
    const pictures = stages.map(({ images }) => images.subarray(i * size, (i + 1) * size));
    for (const [stage, picture] of pictures.entries()) {
      cells.set(picture, (i * stages.length + stage) * size);
      const file = join(out, `${base}-${stages[stage]?.name}.png`);
      await writeImage(file, picture, resolution);
      files.push(file);
    }
    const [original, encoded, refined] = pictures as [Float32Array, Float32Array, Float32Array?];
    const near = (made: Float32Array, stage: number) => {
      const lpips = distances[stage]?.[i];
      return { ...nearness(original, made), ...(lpips !== undefined && { lpips }) };
    };
    const before = near(encoded, 0);
    pairs.push({ image: path, ...(refined ? { ...near(refined, 1), encoded: before } : before) });
  }
  const grid = join(out, "grid.png");
  const headings = stages.map(({ heading }) => ({ text: heading }));
  const layout = inGroups(paths.length, [stages.length], headings);
  await writePng(grid, composeGrid(cells, { resolution, ...layout }));
  return { files: [...files, grid], grid, pairs };
}

function nearness(original: Float32Array, made: Float32Array): Nearness {
  let [absolute, squared] = [0, 0];
  for (const [i, value] of made.entries()) {
    const wanted = original[i] as number;
    absolute += Math.abs(value - wanted);
    squared += (toByte(value) - toByte(wanted)) ** 2;
  }
  return { l1: absolute / made.length, psnr: psnrOf(squared / made.length) };
}
