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
  OverRanks,
  Passes,
  StepInputs,
  StepSettings,
} from "./objective.ts";
export { type Wgan, wganObjective } from "./wgan.ts";

/** A recipe's losses with what is known of them. To compute with, they are opened first and disposed of at the end. */
export const objectiveOf = (recipe: Recipe): Objective =>
  recipe.objective === "age" ? ageObjective(recipe) : wganObjective(recipe);
