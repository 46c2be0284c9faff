import type { Recipe } from "../config/recipe.ts";
import { type NetworkSize, resolutionOf, width } from "../networks/index.ts";

/** Multiply-adds times two of a k x k convolution of an image of `side` x `side` pixels. */
const convolution = (side: number, k: number, into: number, out: number) => 2 * k * k * side * side * into * out;

/** Work of one image through G at a phase, as it is done: an upsampled 3x3 convolution as four 2x2 ones. */
function generatorPass({ latent, channels }: NetworkSize, phase: number): number {
  let flops = convolution(4, 1, latent, channels) + convolution(4, 3, channels, channels);
  for (let p = 1; p <= phase; p++) {
    const [into, out] = [width(channels, p - 1), width(channels, p)];
    flops += convolution(resolutionOf(p - 1) + 1, 2, into, 4 * out) + convolution(resolutionOf(p), 3, out, out);
  }
  return flops;
}

/** The same through E, whose newest convolution sees the picture itself. Its blocks are wider than G's: narrow to wide, then wide to wide. */
function encoderPass({ latent, channels }: NetworkSize, phase: number): number {
  let flops = convolution(4, 1, channels, latent);
  for (let p = 0; p <= phase; p++) {
    const [narrow, wide] = [p === phase ? 4 : width(channels, p), width(channels, Math.max(0, p - 1))];
    flops += convolution(resolutionOf(p), 3, narrow, wide);
    if (p > 0) flops += convolution(resolutionOf(p), 3, wide, wide);
  }
  return flops;
}

/**
 * Of one image in a training step. E: forwards of real and fake, both backwards of each, then per generator update a
 * forward and the backward to its input. G: fake, reconstruction and the backward through it, then per update a forward
 * and both backwards. With two generator updates 10 + 9 passes.
 */
export function flopsPerImage(size: NetworkSize, phase: number, { generatorSteps, objective }: Recipe): number {
  // WGAN-GP: no reconstruction; the penalty's image goes forward, back to its pixels, and both of these back again.
  const [penaltyPasses, reconstructionPasses] = objective === "wgan" ? [6, 0] : [0, 2];
  const encoderPasses = 2 + 4 + penaltyPasses + 2 * generatorSteps;
  const generatorPasses = 1 + reconstructionPasses + 3 * generatorSteps;
  return encoderPasses * encoderPass(size, phase) + generatorPasses * generatorPass(size, phase);
}
