export { klToPrior, type Moments, type MomentsOf } from "./kl.ts";
export { cosineMismatch, imageMismatch, l1, l2, latentMismatch } from "./reconstruction.ts";
export { between, gradientPenalty, type Score } from "./wgan.ts";
