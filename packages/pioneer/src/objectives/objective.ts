import type { Tensor } from "pioneer-torch";
import type { Trades } from "../learner/image-pool.ts";
import type { Learner } from "../learner/learner.ts";
import type { EncoderOrder } from "../losses/choices.ts";
import type { Reduce } from "../losses/index.ts";
import type { Growth, Precision } from "../networks/index.ts";

/** One batch: everything random about a step is drawn before it. */
export interface StepInputs {
  /** Real images [batch, 3, r, r] in [-1, 1], faded like the networks. */
  readonly x: Tensor;
  /** Latents [batch, latent] for the encoder's fakes, and for each generator update. */
  readonly zEncoder: Tensor;
  readonly zGenerator: readonly Tensor[];
  /** What the image pool swaps; for recipes with a pool, once faded in. */
  readonly trades?: Trades;
  /** Uniform in [0, 1), [batch, 1, 1, 1]: where between x and the fakes recipe gan takes its gradient penalty. */
  readonly blend?: Tensor;
}

export interface StepSettings {
  readonly growth: Growth;
  readonly precision: Precision;
  readonly encoderOrder: EncoderOrder;
  /** Means over all ranks; the identity on one. */
  readonly reduce: Reduce;
  /** Bound of the encoder's KL terms; 0 or none in accv2018. */
  readonly margin?: number;
  /** Images shown before this step, for averages whose length follows the run; 0 if left out. */
  readonly shown?: number;
}

/**
 * Loss terms as scalars without a graph, by the names of the recipe's objective. Terms carry no weights; the totals
 * (encoder or critic, generator) are what was minimised. Those of the generator are of its last update.
 */
export type StepLosses = Readonly<Record<string, Tensor>>;

/** What one update of one network minimises. */
export interface Minimised {
  /** Scalar, with its graph. */
  readonly loss: Tensor;
  /** Its terms before their weights, and itself, by their names in logs. */
  readonly losses: StepLosses;
  /** Images and codes met on the way: for `verify` and tests. */
  readonly values: Readonly<Record<string, Tensor>>;
}

/** What one of the generator updates minimises. @param z its latents [batch, latent], one of the inputs' zGenerator */
export type GeneratorUpdate = (z: Tensor) => Minimised;

/** The losses of a recipe; the step that minimises them is always the same. */
export interface Objective {
  /** Names of all loss terms, in the order of the logs. */
  readonly names: readonly string[];
  readonly encoder: (learner: Learner, inputs: StepInputs, settings: StepSettings) => Minimised;
  /** For all generator updates of a step; called after the encoder's. */
  readonly generator: (learner: Learner, inputs: StepInputs, settings: StepSettings) => GeneratorUpdate;
}
