// What is due after a step: a pure function of where the run is and how long it has taken.
import type { TrainConfig } from "../config/config.ts";
import type { EndEvent } from "./events.ts";

/** A run after a step. */
export interface Moment {
  /** Images of the step; images and steps of the whole run, this step's included. */
  readonly batch: number;
  readonly images: number;
  readonly steps: number;
  /** Image counts at which the phase of the step ends, and the run. */
  readonly phaseEndImages: number;
  readonly totalImages: number;
  /** Why somebody asked the run to end, if so. */
  readonly stop: "interrupted" | "terminated" | undefined;
  readonly minutesOfSession: number;
  readonly minutesSinceCheckpoint: number;
  readonly secondsSinceTick: number;
}

/** How often things are wanted. */
export type Intervals = Pick<
  TrainConfig,
  "gridKimg" | "checkpointKimg" | "checkpointMinutes" | "evaluateEvery" | "maxMinutes"
>;

export interface Due {
  readonly tick: boolean;
  readonly pictures: boolean;
  readonly evaluation: boolean;
  readonly checkpoint: boolean;
  /** Why the run ends here, if it does. */
  readonly end: Exclude<EndEvent["reason"], "already-finished"> | undefined;
}

/** Seconds between status lines. */
const tickSeconds = 5;

export function dueAfter(moment: Moment, intervals: Intervals): Due {
  const { images, batch, stop } = moment;
  const { gridKimg, checkpointKimg, checkpointMinutes, evaluateEvery, maxMinutes } = intervals;
  /** Whether the step went past a multiple of so many images. */
  const passed = (kimg: number | undefined) =>
    kimg !== undefined && Math.floor(images / (1000 * kimg)) > Math.floor((images - batch) / (1000 * kimg));

  const isFinished = images >= moment.totalImages;
  const isTimeUp = maxMinutes !== undefined && moment.minutesOfSession > maxMinutes;
  const end = isFinished ? "finished" : (stop ?? (isTimeUp ? "time" : undefined));
  return {
    tick: moment.secondsSinceTick >= tickSeconds || moment.steps === 1 || end !== undefined,
    // Who stops a run wants it to end now: pictures are not waited for.
    pictures: isFinished || isTimeUp || images >= moment.phaseEndImages || passed(gridKimg),
    evaluation: passed(evaluateEvery) || (isFinished && evaluateEvery !== undefined),
    checkpoint: moment.minutesSinceCheckpoint >= checkpointMinutes || passed(checkpointKimg) || end !== undefined,
    end,
  };
}
