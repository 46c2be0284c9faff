import { joined, type Model } from "pioneer-runtime/internal";
import { encodeAll } from "./batches.ts";
import { loadPhotos, photoGroups, type ReadManyOptions } from "./photo.ts";
import { type RefineAllOptions, refineAll } from "./refine.ts";

/** What edits and morphs begin with: latents of photos, or without them. */
export interface Subjects {
  /** Of the photos, or of what else they are latents of. */
  readonly names: readonly string[];
  /** [names.length, latent] */
  readonly latents: Float32Array;
  /** [names.length, 3, r, r] in [-1, 1]; undefined where there are only latents. */
  readonly photos?: Float32Array;
}

export interface EncodeOptions extends ReadManyOptions, RefineAllOptions {}

/**
 * Encodes photos, with `refine` also so many gradient steps; those that cannot be read are passed over.
 * @throws DataError if none can be read
 */
export async function encodePhotos(
  model: Model,
  paths: readonly string[],
  { faceOf, maxPixels, onSkip, ...refining }: EncodeOptions = {},
): Promise<Subjects> {
  const { paths: names, images: photos, unread } = await loadPhotos(paths, model, { faceOf, maxPixels });
  for (const { message } of unread) onSkip?.(message);
  return { names, photos, latents: await refineAll(model, photos, await encodeAll(model, photos), refining) };
}

/**
 * Latents of any number of photos, of which some are read and encoded at a time; the photos themselves are not kept.
 * @param options.onProgress told the photos done; with `refine` the gradient steps, as `onRefine`
 * @throws DataError if none can be read
 */
export async function encodeMany(
  model: Model,
  given: readonly string[],
  { onProgress, ...options }: EncodeOptions & { readonly onProgress?: RefineAllOptions["onRefine"] },
): Promise<Subjects> {
  const [names, latents]: [string[], Float32Array[]] = [[], []];
  for await (const { paths, images, index, groups, passed } of photoGroups(given, model, options)) {
    const onRefine = (done: number, total: number) => onProgress?.(index * total + done, groups * total);
    const encoded = await encodeAll(model, images);
    latents.push(await refineAll(model, images, encoded, { ...options, onRefine }));
    names.push(...paths);
    if (!options.refine) onProgress?.(passed, given.length);
  }
  return { names, latents: joined(Float32Array, latents) };
}
