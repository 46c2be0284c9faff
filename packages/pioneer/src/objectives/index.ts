import type { Recipe } from "../config/recipe.ts";
import { ageObjective } from "./age.ts";
import type { Objective } from "./objective.ts";
import { wganObjective } from "./wgan.ts";

export type { Minimised, Objective, StepInputs, StepLosses, StepSettings } from "./objective.ts";

export const objectiveOf = (recipe: Recipe): Objective =>
  recipe.objective === "age" ? ageObjective(recipe) : wganObjective(recipe);
