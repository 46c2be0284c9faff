// The training step of every recipe, as in section 3 of docs/algorithm.md: an update of E, updates of G, the moving
// average. What each update minimises is the recipe's: objectives/age.ts, objectives/wgan.ts.
import { grad, scope, type Tensor } from "pioneer-torch";
import type { Trades } from "../learner/image-pool.ts";
import { type Learner, type Trained, updateEma } from "../learner/learner.ts";
import type { Reduce } from "../losses/index.ts";
import type { Growth, Precision } from "../networks/index.ts";
import { type Minimised, objectiveOf } from "../objectives/index.ts";

/** Real and generated images go through E one after the other, as the authors do, or as one batch (u then moves once). */
export type EncoderOrder = "authors" | "joint";

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
}

/**
 * Loss terms as scalars without a graph, by the names of the recipe's objective. Terms carry no weights; the totals
 * (encoder or critic, generator) are what was minimised. Those of the generator are of its last update.
 */
export type StepLosses = Readonly<Record<string, Tensor>>;

/** Sees what a step does, update by update: for `verify` and tests. */
export interface StepObserver {
  /** Before the optimiser moves `network`. */
  update(
    network: Trained,
    gradients: ReadonlyMap<string, Tensor>,
    values: Readonly<Record<string, Tensor>>,
    losses: StepLosses,
  ): void;
  /** After it did. */
  updated(network: Trained): void;
}

/** One encoder update, the generator updates, the moving average. Call it in a scope: the losses are handed out. */
export function trainStep(
  learner: Learner,
  inputs: StepInputs,
  settings: StepSettings,
  observer?: StepObserver,
): StepLosses {
  const objective = objectiveOf(learner.recipe);
  const minimise = (network: Trained, what: () => Minimised) => update(learner, network, settings, what, observer);

  let losses = minimise("encoder", () => objective.encoder(learner, inputs, settings));
  for (const z of inputs.zGenerator) {
    losses = { ...losses, ...minimise("generator", () => objective.generator(learner, z, settings)) };
  }
  updateEma(learner.generatorEma, learner.generator, learner.recipe.emaDecay);
  return Object.fromEntries(objective.names.map((name) => [name, losses[name] as Tensor]));
}

/** Moves one network down the gradient of what it minimises; the other is frozen, gradients pass through it. */
function update(
  learner: Learner,
  trained: Trained,
  { growth, reduce }: StepSettings,
  what: () => Minimised,
  observer?: StepObserver,
): StepLosses {
  return scope(() => {
    const { loss, losses, values } = what();
    const network = learner[trained];
    const used = network.used(growth);
    const gradients = grad(loss, [...used.values()]).map(reduce);
    const detached = Object.fromEntries(Object.entries(losses).map(([name, value]) => [name, value.detach()]));
    observer?.update(trained, named(used, gradients), values, detached);
    learner.optimisers[trained].step(used, gradients, network.copies);
    observer?.updated(trained);
    return detached;
  });
}

const named = (used: ReadonlyMap<string, Tensor>, gradients: readonly Tensor[]) =>
  new Map([...used.keys()].map((name, i) => [name, gradients[i] as Tensor]));
