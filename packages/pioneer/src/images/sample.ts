import { latentSampler, type Model } from "pioneer-runtime/internal";
import { writeDecoded } from "./decoded.ts";
import type { PictureOptions } from "./pictures.ts";

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
export function writeSamples(
  model: Model,
  { seed, ...options }: SampleOptions,
): Promise<{ files: string[]; grid?: string }> {
  const nameOf = (index: number) => `sample-${String(index + 1).padStart(6, "0")}`;
  return writeDecoded(model, { ...options, next: latentSampler(model.latent, seed), nameOf });
}
