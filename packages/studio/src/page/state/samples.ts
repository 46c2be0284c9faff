import { latentRow, sampleLatents } from "pioneer-runtime";
import { modelNow } from "./models.ts";
import type { Saved } from "./shelf.ts";

/** A seed of no meaning. */
export const randomSeed = (): number => Math.floor(Math.random() * 1e6);

/** The first picture of a seed. */
export const sampleOf = (seed: number): Saved => samplesOf(seed, 1)[0] as Saved;

/** Pictures that the model makes up: the first ones of a seed. */
export function samplesOf(seed: number, count: number): Saved[] {
  const { latent } = modelNow().config;
  const latents = sampleLatents(count, latent, seed);
  return Array.from({ length: count }, (_, i) => ({
    name: `seed ${seed}, ${i + 1}`,
    latent: latentRow(latents, latent, i),
    strengths: {},
  }));
}
