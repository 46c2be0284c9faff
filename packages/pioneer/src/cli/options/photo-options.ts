import type { Model } from "pioneer-runtime/internal";
import { maxPixelsOption } from "../../config/photo-limits.ts";
import type { EncodeOptions } from "../../images/subjects.ts";
import type { ModelOptions } from "../../models/open-model.ts";
import type { Output } from "../output/report.ts";
import { alignPhotosOption, withPlacedPhotos } from "./align-photos.ts";
import { type RefineOptions, refineOptions, withRefinement } from "./model-options.ts";

/** Of the commands that encode photos. */
export const photoOptions = { ...maxPixelsOption, ...alignPhotosOption, ...refineOptions };

export interface PhotoCommandOptions extends ModelOptions, RefineOptions {
  readonly model: string;
  readonly align?: string | undefined;
  readonly maxPixels?: number | undefined;
}

/**
 * Opens a model, and finds where photos have their faces, for as long as `work` takes.
 * @param work   encodes the photos by the options that it is given
 * @returns what was made; for a model of aligned faces also the photos that it saw only cropped
 * @throws as `withRefinement` and `withPlacedPhotos`
 */
export async function withPhotos<T extends object>(
  { align, maxPixels, ...options }: PhotoCommandOptions,
  { paths, output }: { readonly paths: readonly string[]; readonly output: Output },
  work: (model: Model, encoding: EncodeOptions) => Promise<T>,
): Promise<T & { readonly unaligned?: readonly string[] }> {
  return withRefinement(options, (model, refinement) =>
    withPlacedPhotos({ paths, model, name: options.model, align, maxPixels, output }, (placed) =>
      work(model, { ...refinement, ...placed }),
    ),
  );
}
