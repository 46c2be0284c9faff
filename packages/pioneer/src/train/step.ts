// The training step of every recipe, as in section 3 of docs/algorithm.md: an update of E, updates of G, the moving
// average. What each update minimises is the recipe's: objectives/age.ts, objectives/wgan.ts.
import { grad, scope, type Tensor } from "pioneer-torch";
import { decayOf } from "../config/recipe.ts";
import { type Learner, type Trained, updateAverages } from "../learner/learner.ts";
import {
  type Minimised,
  objectiveOf,
  type StepInputs,
  type StepLosses,
  type StepSettings,
} from "../objectives/index.ts";

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
  const generator = objective.generator(learner, inputs, settings);
  for (const z of inputs.zGenerator) losses = { ...losses, ...minimise("generator", () => generator(z)) };
  updateAverages(learner, decayOf(learner.recipe.ema, settings.shown ?? 0, inputs.x.size(0)));
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
