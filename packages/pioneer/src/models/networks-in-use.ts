// Networks as they are used, trained or between two steps: nothing of them changes.
import type { Colour } from "pioneer-runtime";
import { noGrad, type Tensor } from "pioneer-torch";
import type { Encoder, Generator, Growth, Precision } from "../networks/index.ts";
import { inColour } from "../pictures/colour.ts";

/**
 * What is prepared belongs to the scope: where each call has a scope of its own, it is prepared in each, which is little
 * work beside the convolutions.
 * @returns images [n, 3, r, r] in [-1, 1] to latents [n, latent], rows of length 1
 */
export const encoderInUse = (encoder: Encoder, growth: Growth, precision: Precision): ((x: Tensor) => Tensor) =>
  encoder.prepare(growth, precision, "keep");

/**
 * The weights are constants; a gradient may still pass through to the latents.
 * @returns latents [n, latent] to images [n, 3, r, r] in the colours of the data, not clamped
 */
export function generatorInUse(
  generator: Generator,
  growth: Growth,
  precision: Precision,
  colour: Colour,
): (z: Tensor) => Tensor {
  const generate = noGrad(() => generator.prepare(growth, precision));
  return (z) => inColour(generate(z), colour);
}
