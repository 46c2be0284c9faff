import { join } from "node:path";
import { joined, type Model } from "pioneer-runtime/internal";
import { type CellOptions, composeGrid, inGroups, toByte } from "../pictures/grid.ts";
import { writeImage, writePng } from "../pictures/png.ts";
import { psnrOf } from "../pictures/psnr.ts";
import type { RgbImage } from "../pictures/rgb-image.ts";
import { decodeAll, encodeAll, imageSize } from "./batches.ts";
import { numberedName } from "./numbered.ts";
import { type PhotoOptions, photoGroups } from "./photo.ts";
import type { PictureOptions } from "./pictures.ts";
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

/** Groups of photos that the grid shows, the first. */
const groupsOfGrid = 4;

/**
 * Encodes photos, decodes them again, with `refine` also after so many gradient steps, and writes each picture and grid.png with
 * the first 256.
 * @throws DataError naming a photo if none can be read, or the file that cannot be written
 */
export async function writeReconstructions(
  model: Model,
  given: readonly string[],
  { out, scale, caption, ...options }: PhotoOptions & RefineAllOptions,
): Promise<Reconstructions> {
  const [files, pairs]: [string[], Reconstructions["pairs"]] = [[], []];
  const shown: Stage[][] = [];
  for await (const { paths, images, index, groups } of photoGroups(given, model, options)) {
    if (paths.length === 0) continue;
    const onRefine = (done: number, total: number) => options.onRefine?.(index * total + done, groups * total);
    const stages = await stagesOf(model, images, { ...options, onRefine });
    const written = await writeStages(model, paths, stages, {
      out,
      first: pairs.length,
      scale,
      perceptual: options.perceptual,
    });
    files.push(...written.files);
    pairs.push(...written.pairs);
    if (shown.length < groupsOfGrid) shown.push(stages);
  }
  const grid = join(out, "grid.png");
  await writePng(grid, composeStages(shown, { resolution: model.resolution, scale, caption }));
  return { files: [...files, grid], grid, pairs };
}

/** Pictures of some photos on one stage of the way: as they were, decoded, refined. */
interface Stage {
  readonly name: string;
  readonly heading: string;
  /** [n, 3, r, r] */
  readonly images: Float32Array;
}

async function stagesOf(model: Model, originals: Float32Array, refining: RefineAllOptions): Promise<Stage[]> {
  const latents = await encodeAll(model, originals);
  const stages = [
    { name: "original", heading: "photo", images: originals },
    { name: "reconstruction", heading: "reconstruction", images: await decodeAll(model, latents) },
  ];
  if (!refining.refine) return stages;
  const refined = await refineAll(model, originals, latents, refining);
  return [...stages, { name: "refined", heading: "refined", images: await decodeAll(model, refined) }];
}

/** Writes each picture of each photo, and says how near they are. @param options.first number of the first photo, from 0 */
async function writeStages(
  model: Model,
  paths: readonly string[],
  stages: readonly Stage[],
  {
    out,
    first,
    scale,
    perceptual,
  }: { readonly out: string; readonly first: number } & Pick<PictureOptions, "scale"> &
    Pick<RefineAllOptions, "perceptual">,
): Promise<Pick<Reconstructions, "files" | "pairs">> {
  const size = imageSize(model);
  const originals = (stages[0] as Stage).images;
  const distances = stages.slice(1).map(({ images }) => perceptual?.distance.measure(originals, images));
  const [files, pairs]: [string[], Reconstructions["pairs"]] = [[], []];
  for (const [i, path] of paths.entries()) {
    const base = numberedName(first + i, path);
    const pictures = stages.map(({ images }) => images.subarray(i * size, (i + 1) * size));
    for (const [stage, picture] of pictures.entries()) {
      const file = join(out, `${base}-${stages[stage]?.name}.png`);
      await writeImage(file, picture, model.resolution, scale);
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
  return { files, pairs };
}

/** All stages of a photo side by side, photo after photo. @param groups of photos, each with its stages */
function composeStages(groups: readonly (readonly Stage[])[], options: CellOptions): RgbImage {
  const size = imageSize(options);
  const cells = groups.flatMap((stages) =>
    Array.from({ length: (stages[0] as Stage).images.length / size }, (_, i) =>
      stages.map(({ images }) => images.subarray(i * size, (i + 1) * size)),
    ),
  );
  const headings = (groups[0] ?? []).map(({ heading }) => ({ text: heading }));
  const layout = inGroups(cells.length, [headings.length], headings);
  return composeGrid(joined(Float32Array, cells.flat()), { ...options, ...layout });
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
