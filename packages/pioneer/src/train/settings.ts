// What holds at a place of the schedule: the configuration's own margin wins, and its rate fills in what is left open.
import type { TrainConfig } from "../config/config.ts";
import type { Recipe } from "../config/recipe.ts";
import { type LearningRates, type Schedule, settingsAt } from "../config/schedule.ts";
import { bothRates } from "../config/schedule-file.ts";
import type { Objective } from "../objectives/index.ts";

/** What is left of the learning rate at the end of a run that lets it fall. */
const lastRate = 0.1;

/**
 * Of Adam, after so many images: the schedule's own rates, else the configuration's, which falls on a straight line at the end of
 * the run.
 * @param lrDecay of the recipe: the share of the run in which it falls
 */
export function learningRatesAt(
  { lr }: Pick<TrainConfig, "lr">,
  { lrDecay }: Pick<Recipe, "lrDecay">,
  schedule: Schedule,
  images: number,
): LearningRates {
  const own = settingsAt(schedule, images)?.learningRates;
  if (own) return own;
  const left = 1 - images / schedule.totalImages;
  if (left >= lrDecay) return bothRates(lr);
  return bothRates(lr * (lastRate + (1 - lastRate) * Math.max(0, left / lrDecay)));
}

/** Bound of the encoder's KL terms after so many images; 0 for none. Where nobody says one, it is the objective's. */
export const marginAt = (
  { margin }: Pick<TrainConfig, "margin">,
  schedule: Schedule,
  images: number,
  objective: Pick<Objective, "margin">,
): number => margin ?? settingsAt(schedule, images)?.margin ?? objective.margin;
