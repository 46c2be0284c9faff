import { latentRow, sampleLatents } from "pioneer-runtime";
import { modelNow } from "./models.ts";
import type { Saved } from "./shelf.ts";

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
