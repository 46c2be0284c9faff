export { klToPrior, type Reduce } from "./kl.ts";
export { cosineMismatch, l1 } from "./reconstruction.ts";
