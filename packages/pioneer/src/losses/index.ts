export { type KlDirection, klToPrior, type Reduce } from "./kl.ts";
export { cosineMismatch, imageMismatch, l1, l2, latentMismatch, type Mismatch } from "./reconstruction.ts";
export { between, gradientPenalty, type Score } from "./wgan.ts";
