import type { Device } from "pioneer-torch";
import type { Recipe } from "../config/recipe.ts";
import { ageObjective } from "./age.ts";
import type { Objective } from "./objective.ts";
import { wganObjective } from "./wgan.ts";

export { type Age, ageObjective } from "./age.ts";
export type {
  DrawContext,
  InputsOf,
  LossesOf,
  LossTerms,
  Minimised,
  Objective,
  ObjectiveTypes,
  Passes,
  StepInputs,
  StepSettings,
} from "./objective.ts";
export { type Wgan, wganObjective } from "./wgan.ts";

/** For what is known of a recipe's losses; they themselves may need to be opened first. */
export const objectiveOf = (recipe: Recipe): Objective =>
  recipe.objective === "age" ? ageObjective(recipe) : wganObjective(recipe);

/** For the losses: with what they need beside the learner on a device; dispose() frees that. */
export async function openObjective(recipe: Recipe, device: Device): Promise<Objective> {
  const objective = objectiveOf(recipe);
  await objective.open?.(device);
  return objective;
}
