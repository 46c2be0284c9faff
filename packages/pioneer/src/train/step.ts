// The training step of every recipe, as in section 3 of docs/algorithm.md: an update of E, updates of G, the moving
// average. What each update minimises is the recipe's: objectives/age.ts, objectives/wgan.ts.
import { grad, scope, type Tensor } from "pioneer-torch";
import { mapTensors } from "../compute/tensor-tree.ts";
import { decayOf } from "../config/recipe.ts";
import { type Learner, type Trained, updateAverages } from "../learner/learner.ts";
import type { InputsOf, LossesOf, Minimised, Objective, ObjectiveTypes, StepSettings } from "../objectives/index.ts";

/** An update of one network, before the optimiser makes it. */
export type Update<O extends ObjectiveTypes> =
  | UpdateOf<"encoder", O["encoder"]>
  | UpdateOf<"generator", O["generator"]>;

interface UpdateOf<Network extends Trained, M extends Minimised> {
  readonly network: Network;
  readonly gradients: ReadonlyMap<string, Tensor>;
  readonly losses: M["losses"];
  readonly values: M["values"];
}

/** Sees what a step does, update by update: for `verify` and tests. */
export interface StepObserver<O extends ObjectiveTypes = ObjectiveTypes> {
  /** Before the optimiser moves a network. */
  update(update: Update<O>): void;
  /** After it did. */
  updated(network: Trained): void;
}

/**
 * One encoder update, the generator updates, the moving average. Call it in a scope: the losses are handed out.
 * @throws RangeError where there are latents for no generator update
 */
export function trainStep<O extends ObjectiveTypes>(
  objective: Objective<O>,
  learner: Learner,
  inputs: InputsOf<O>,
  settings: StepSettings,
  observer?: StepObserver<O>,
): LossesOf<O> {
  const ofEncoder = update(learner, "encoder", settings, () => objective.encoder(learner, inputs, settings), observer);
  const generator = objective.generator(learner, inputs, settings);
  let ofGenerator: O["generator"]["losses"] | undefined;
  for (const z of inputs.zGenerator) {
    ofGenerator = update(learner, "generator", settings, () => generator(z), observer);
  }
  if (!ofGenerator) throw new RangeError("a step has at least one generator update: give latents for it");
  updateAverages(learner, decayOf(learner.recipe.ema, settings.shown ?? 0, settings.ranks?.batch ?? inputs.x.size(0)));
  return objective.losses(ofEncoder, ofGenerator);
}

/** Moves one network down the gradient of what it minimises; the other is frozen, gradients pass through it. */
function update<Network extends Trained, M extends Minimised>(
  learner: Learner,
  trained: Network,
  { growth, ranks }: StepSettings,
  what: () => M,
  observer?: { update(update: UpdateOf<Network, NoInfer<M>>): void; updated(network: Trained): void },
): M["losses"] {
  return scope(() => {
    const { loss, losses, values } = what();
    const network = learner[trained];
    const used = network.used(growth);
    const inputs = [...used.values()];
    const gradients = ranks ? ranks.gradients(loss, inputs) : grad(loss, inputs);
    const detached = mapTensors(losses, (value) => value.detach());
    observer?.update({ network: trained, gradients: named(used, gradients), losses: detached, values });
    learner.optimisers[trained].step(used, gradients, network.copies);
    observer?.updated(trained);
    return detached;
  });
}

const named = (used: ReadonlyMap<string, Tensor>, gradients: readonly Tensor[]) =>
  new Map([...used.keys()].map((name, i) => [name, gradients[i] as Tensor]));
