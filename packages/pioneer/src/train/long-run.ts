// A run of weeks is said to be one before it begins.
import { commandLine } from "../base/command-line.ts";
import { formatDuration, formatKimg } from "../base/format.ts";
import type { TrainConfig } from "../config/config.ts";
import { hourOfTraining } from "../config/hour.ts";
import type { Recipe } from "../config/recipe.ts";
import type { Schedule } from "../config/schedule.ts";
import type { NetworkSize } from "../networks/index.ts";
import { flopsPerImage } from "./cost.ts";

/** Nobody has to be told of what is done by tomorrow. */
const longSeconds = 24 * 3600;

export interface LastPhase {
  readonly phase: number;
  /** That an image takes there. */
  readonly seconds: number;
}

/**
 * Seconds that the images which are left take at least: those of earlier phases by their work, though small images take longer
 * than their work says.
 */
export function secondsAtLeast(
  { phases, totalImages }: Schedule,
  images: number,
  last: LastPhase,
  work: (phase: number) => number,
): number {
  return phases.reduce((sum, { phase, startImages }, i) => {
    const end = Math.min(totalImages, phases[i + 1]?.startImages ?? totalImages);
    const left = Math.max(0, end - Math.max(startImages, images));
    return sum + left * last.seconds * (work(phase) / work(last.phase));
  }, 0);
}

/**
 * What to say of a run that takes longer than a day, with what makes it shorter.
 * @returns undefined for shorter ones, and for one that is told when to end
 */
export function longRun(
  config: Pick<TrainConfig, "data" | "run" | "minutes" | "maxMinutes" | "resume" | "recipe">,
  { schedule, images, last }: { readonly schedule: Schedule; readonly images: number; readonly last: LastPhase },
  { size, recipe }: { readonly size: NetworkSize; readonly recipe: Recipe },
): string | undefined {
  if (config.minutes !== undefined || config.maxMinutes !== undefined) return undefined;
  const seconds = secondsAtLeast(schedule, images, last, (phase) => flopsPerImage(size, phase, recipe));
  if (seconds < longSeconds) return undefined;
  const long = `the ${formatKimg(schedule.totalImages - images)} kimg of this run take ${formatDuration(seconds)} or more here`;
  if (config.resume) return `${long}; --max-minutes M stops earlier, with a checkpoint`;
  const { data, run } = config;
  return `${long}; Ctrl-C ends it with a checkpoint. For a run of an hour: ${commandLine(hourOfTraining(data, `${run}-hour`))}`;
}
