import type { Device, RandomGenerator, Tensor } from "pioneer-torch";
import type { LayerUse } from "../compute/convolution-choice.ts";
import type { Purpose } from "../compute/streams.ts";
import type { Learner } from "../learner/learner.ts";
import type { EncoderOrder } from "../losses/choices.ts";
import type { MomentsOf } from "../losses/index.ts";
import type { Growth, Precision } from "../networks/index.ts";

/** What every objective learns from. Everything random about a step is drawn before it. */
export interface StepInputs {
  /** Real images [batch, 3, r, r] in [-1, 1], faded like the networks. */
  readonly x: Tensor;
  /** Latents [batch, latent] for the encoder's fakes, and for each generator update. */
  readonly zEncoder: Tensor;
  readonly zGenerator: readonly Tensor[];
}

/**
 * A batch that several processes share, each with some of its rows. Losses are means over a process's own rows, but for the
 * KL terms, which are of all. The mean of their gradients, weighted by rows, is the gradient of the loss of the whole batch.
 */
export interface OverRanks {
  /** Images of all. */
  readonly batch: number;
  /** Of what was drawn for the whole batch, this process's rows. @param all [batch, ...] */
  own(all: Tensor): Tensor;
  /** Rows of all processes, in order. @param own [rows, ...], without a graph @returns [batch, ...] */
  gather(own: Tensor): Tensor;
  /** Over all rows. Gradients flow to this process's alone. */
  readonly moments: MomentsOf;
  /** The weighted mean of all processes' gradients. */
  gradients(loss: Tensor, inputs: readonly Tensor[]): Tensor[];
}

export interface StepSettings {
  readonly growth: Growth;
  readonly precision: Precision;
  readonly encoderOrder: EncoderOrder;
  /** Where several processes share the batch. */
  readonly ranks?: OverRanks | undefined;
  /** Bound of the encoder's KL terms; 0 or none in accv2018. */
  readonly margin?: number;
  /** Images shown before this step, for averages whose length follows the run; 0 if left out. */
  readonly shown?: number;
}

/** Scalars by their names in logs. */
export type LossTerms = Readonly<Record<string, Tensor>>;

/** What one update of one network minimises. */
export interface Minimised {
  /** Scalar, with its graph. */
  readonly loss: Tensor;
  /** Its terms before their weights, and itself. */
  readonly losses: LossTerms;
  /** Images and latents met on the way: for `verify` and tests. */
  readonly values: Readonly<Record<string, Tensor>>;
}

/** What objectives differ in, as types. */
export interface ObjectiveTypes {
  /** Inputs beside those that all have: tensors, at any depth of objects and arrays. */
  readonly drawn: object;
  readonly encoder: Minimised;
  readonly generator: Minimised & { readonly losses: { readonly generator: Tensor } };
}

export type InputsOf<O extends ObjectiveTypes> = StepInputs & O["drawn"];

/**
 * The loss terms of a step, without a graph. Terms carry no weights; the totals (encoder or critic, generator) are what was
 * minimised. Those of the generator are of its last update.
 */
export type LossesOf<O extends ObjectiveTypes> = O["encoder"]["losses"] & O["generator"]["losses"];

/** Means of them over some steps. */
export type MeansOf<O extends ObjectiveTypes> = { readonly [Name in keyof LossesOf<O>]?: number };

/** What one of the generator updates minimises. @param z its latents [batch, latent], one of the inputs' zGenerator */
export type GeneratorUpdate<M extends Minimised = Minimised> = (z: Tensor) => M;

/** What the inputs of a step are drawn for, and from. */
export interface DrawContext {
  readonly learner: Learner;
  readonly growth: Growth;
  /** Images of all processes: what is drawn for them is drawn alike by each. */
  readonly batch: number;
  /** Of what is drawn for each image, the rows of this process. @param all [batch, ...] */
  readonly own: (all: Tensor) => Tensor;
  /** The random numbers of one purpose in this step, on the CPU. */
  readonly random: (purpose: Purpose) => RandomGenerator;
  /** Where the inputs are wanted. */
  readonly device: Device;
}

/** How often an image goes through a network: forwards, back to what went in, and back to the weights. */
export type Passes = Omit<LayerUse, "layer">;

/** Passes of one image in a training step. */
export interface StepPasses {
  readonly encoder: Passes;
  readonly generator: Passes;
  /** Through the encoder in float32 by plain operators, where a loss is a derivative; of all three kinds together. */
  readonly exactEncoder: number;
}

/**
 * The losses of a recipe, with all that is known of them: the step that minimises them is always the same. A run makes one
 * before its first step. Where code must not know which objective it has, it is `Objective`; that one is given only inputs it
 * drew itself.
 */
export interface Objective<O extends ObjectiveTypes = ObjectiveTypes> {
  /** Loads what the losses compute with beside the learner, such as a feature network; before the first step. */
  open?(device: Device): Promise<void>;
  /** Frees it. */
  dispose?(): void;

  /** Draws what its inputs have beside images and latents. Call it in the step's scope. */
  draw(context: DrawContext): O["drawn"];
  encoder(learner: Learner, inputs: InputsOf<O>, settings: StepSettings): O["encoder"];
  /** For all generator updates of a step; called after the encoder's. */
  generator(learner: Learner, inputs: InputsOf<O>, settings: StepSettings): GeneratorUpdate<O["generator"]>;
  /** The terms of both, in the order of the logs. */
  losses(ofEncoder: O["encoder"]["losses"], ofGenerator: O["generator"]["losses"]): LossesOf<O>;

  /** Whether a step of faded-in networks does the same work as the next one, on tensors that stay where they are. */
  repeats(learner: Learner, inputs: InputsOf<O>): boolean;
  passes(): StepPasses;
  /**
   * Whether a step may take more time or memory once faded in than while fading, where both to_rgb and from_rgb are at work:
   * a trial then tries both.
   */
  readonly fadedInDoesMore: boolean;
  /** Bound of the encoder's KL terms where neither the configuration nor the schedule says one; 0 for none. */
  readonly margin: number;
  /** Mean of cos(z, E(G(z))), where a loss measures it. @param latent the dimension of z */
  cosine(losses: MeansOf<O>, latent: number): number | undefined;
}
