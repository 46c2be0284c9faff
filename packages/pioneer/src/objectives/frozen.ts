// Networks as functions whose convolution weights are constants: gradients flow through them to what they are given. (Nobody
// asks for those of their biases.) Each call prepares the weights anew, which moves the u of spectral norms, as each forward
// of a training step does.
import { noGrad, type Tensor } from "pioneer-torch";
import type { Encoder, Generator, Growth, Judge, Precision } from "../networks/index.ts";

/** E: images [batch, 3, r, r] to latents [batch, latent]; G: the other way. */
export const frozen = (
  network: Encoder | Generator,
  growth: Growth,
  precision: Precision,
): ((input: Tensor) => Tensor) => noGrad(() => network.prepare(growth, precision, "store"));

/** An encoder with a head, as the judge of images that it is. */
export const frozenJudge = (encoder: Encoder, growth: Growth, precision: Precision): Judge =>
  noGrad(() => encoder.prepareJudge(growth, precision, "store"));
