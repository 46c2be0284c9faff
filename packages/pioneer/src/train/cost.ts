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

/** Passes of one image through each network in a training step. */
function passesOf(recipe: Recipe): { readonly encoder: number; readonly generator: number } {
  const { generatorSteps } = recipe;
  // E: forwards of real and fake, both backwards of each, then per generator update a forward and the backward to its
  // input. G: fake, then per update a forward and both backwards.
  const encoder = 2 + 4 + 2 * generatorSteps;
  const generator = 1 + 3 * generatorSteps;
  // WGAN-GP: the penalty's image goes forward, back to its pixels, and both of these back again.
  if (recipe.objective === "wgan") return { encoder: encoder + 6, generator };
  // Reconstructions: in E's update forward and the backward through G; in G's updates of codes made once.
  const inverts = recipe.zScaleOfEncoder > 0 ? 3 : 0;
  const reconstructs = recipe.xScaleOfGenerator > 0;
  return {
    encoder: encoder + inverts + (reconstructs ? 1 : 0),
    generator: generator + 2 + (reconstructs ? 3 * generatorSteps : 0),
  };
}

/** Work of one image in a training step. accv2018, with two generator updates: 10 passes through E, 9 through G. */
export function flopsPerImage(size: NetworkSize, phase: number, recipe: Recipe): number {
  const passes = passesOf(recipe);
  return passes.encoder * encoderPass(size, phase) + passes.generator * generatorPass(size, phase);
}
