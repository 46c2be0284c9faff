// What holds at a place of the schedule: the configuration's own margin wins, and its rate fills in what is left open.
import type { TrainConfig } from "../config/config.ts";
import { type LearningRates, type Schedule, settingsAt } from "../config/schedule.ts";
import { bothRates } from "../config/schedule-file.ts";
import type { Objective } from "../objectives/index.ts";

/** Of Adam, after so many images. */
export const learningRatesAt = ({ lr }: Pick<TrainConfig, "lr">, schedule: Schedule, images: number): LearningRates =>
  settingsAt(schedule, images)?.learningRates ?? bothRates(lr);

/** Bound of the encoder's KL terms after so many images; 0 for none. Where nobody says one, it is the objective's. */
export const marginAt = (
  { margin }: Pick<TrainConfig, "margin">,
  schedule: Schedule,
  images: number,
  objective: Pick<Objective, "margin">,
): number => margin ?? settingsAt(schedule, images)?.margin ?? objective.margin;
