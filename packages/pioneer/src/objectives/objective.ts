import type { Tensor } from "pioneer-torch";
import type { Learner } from "../learner/learner.ts";
import type { StepInputs, StepLosses, StepSettings } from "../train/step.ts";

/** What one update of one network minimises. */
export interface Minimised {
  /** Scalar, with its graph. */
  readonly loss: Tensor;
  /** Its terms before their weights, and itself, by their names in logs. */
  readonly losses: StepLosses;
  /** Images and codes met on the way: for `verify` and tests. */
  readonly values: Readonly<Record<string, Tensor>>;
}

/** The losses of a recipe; the step that minimises them is always the same. */
export interface Objective {
  /** Names of all loss terms, in the order of the logs. */
  readonly names: readonly string[];
  readonly encoder: (learner: Learner, inputs: StepInputs, settings: StepSettings) => Minimised;
  /** @param z latents of this update [batch, latent] */
  readonly generator: (learner: Learner, z: Tensor, settings: StepSettings) => Minimised;
}
