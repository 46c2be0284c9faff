import { type NetworkSize, resolutionOf, width } from "../networks/index.ts";
import type { Recipe } from "./recipe.ts";

/** Multiply-adds of one pass of one image through one network at a phase (E and G are mirror images), times two. */
export function flopsPerPass({ latent, channels }: NetworkSize, phase: number): number {
  let flops = 2 * 16 * latent * channels + 2 * 9 * 16 * channels * channels; // block 0
  for (let p = 1; p <= phase; p++) {
    const [into, out] = [width(channels, p - 1), width(channels, p)];
    flops += 2 * 9 * resolutionOf(p) ** 2 * (into * out + out * out);
  }
  return flops;
}

/**
 * Of one image in a training step. E: forwards of real and fake, both backwards of each, then per generator update a
 * forward and the backward to its input. G: fake, reconstruction and the backward through it, then per update a forward
 * and both backwards. With two generator updates 10 + 9 passes.
 */
export function flopsPerImage(size: NetworkSize, phase: number, { generatorSteps }: Recipe): number {
  const encoderPasses = 2 + 4 + 2 * generatorSteps;
  const generatorPasses = 3 + 3 * generatorSteps;
  return (encoderPasses + generatorPasses) * flopsPerPass(size, phase);
}
