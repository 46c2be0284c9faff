import { type Device, upload } from "pioneer-torch";
import { drawLatents, type Purpose, stream } from "../compute/streams.ts";
import type { Batches } from "../data/batches.ts";
import type { Learner } from "../learner/learner.ts";
import type { Growth } from "../networks/index.ts";
import type { InputsOf, Objective, ObjectiveTypes } from "../objectives/index.ts";

/** Which step is drawn, and from what. */
export interface StepPlace {
  readonly batches: Batches;
  readonly seed: number;
  /** Steps and images of the run before it. */
  readonly step: number;
  readonly images: number;
  readonly batch: number;
  readonly growth: Growth;
  readonly device: Device;
}

/**
 * Everything random about a step: drawn on the CPU, so that a seed means the same everywhere. Call it in the step's scope.
 */
export function drawInputs<O extends ObjectiveTypes>(
  objective: Objective<O>,
  learner: Learner,
  { batches, seed, step, images, batch, growth, device }: StepPlace,
): InputsOf<O> {
  const { recipe, generator } = learner;
  const random = (purpose: Purpose) => stream(seed, purpose, step);
  const drawn = drawLatents((1 + recipe.generatorSteps) * batch, generator.size.latent, random("latents"));
  const latents = upload(drawn, device);
  const part = (index: number) => latents.narrow(0, index * batch, batch);
  return {
    x: batches.at(images, batch, growth),
    zEncoder: part(0),
    zGenerator: Array.from({ length: recipe.generatorSteps }, (_, i) => part(1 + i)),
    ...objective.draw({ learner, growth, batch, random, device }),
  };
}
