import { type Tensor, upload } from "pioneer-torch";
import { drawLatents } from "../compute/streams.ts";
import type { Learner } from "../learner/learner.ts";
import type { DrawContext, InputsOf, Objective, ObjectiveTypes, StepSettings } from "../objectives/index.ts";

/**
 * Everything random about a step beside its images: drawn on the CPU, so that a seed means the same everywhere. Call it in
 * the step's scope.
 * @param x real images [batch, 3, r, r] in [-1, 1]; where several processes share the batch, this one's
 */
export function drawInputs<O extends ObjectiveTypes>(
  objective: Objective<O>,
  learner: Learner,
  x: Tensor,
  { growth, random, device, ranks }: Pick<DrawContext, "growth" | "random" | "device"> & Pick<StepSettings, "ranks">,
): InputsOf<O> {
  const { recipe, generator } = learner;
  const batch = ranks?.batch ?? x.size(0);
  const own = (all: Tensor) => (ranks ? ranks.own(all) : all);
  const drawn = drawLatents((1 + recipe.generatorSteps) * batch, generator.size.latent, random("latents"));
  const latents = upload(drawn, device);
  const part = (index: number) => own(latents.narrow(0, index * batch, batch));
  return {
    x,
    zEncoder: part(0),
    zGenerator: Array.from({ length: recipe.generatorSteps }, (_, i) => part(1 + i)),
    ...objective.draw({ learner, growth, batch, own, random, device }),
  };
}
