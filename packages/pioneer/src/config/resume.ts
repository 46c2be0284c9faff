// What may change when a run goes on.
import { isDeepStrictEqual } from "node:util";
import { ConfigError } from "../base/errors.ts";
import { settle, type TrainConfig } from "./config.ts";
import { flagOf, parseOptions, shown } from "./option-schema.ts";
import { resumeRules, type TrainKey, trainSchema } from "./train-options.ts";

const trainKeys = Object.keys(resumeRules) as TrainKey[];

/**
 * Refuses to go on with a run under another configuration; an option that `wanted` leaves open is no difference.
 * @throws ConfigError naming the first flag that differs, both values and the mend
 */
export function checkResumable(saved: TrainConfig, wanted: TrainConfig): void {
  for (const key of trainKeys) {
    const [before, now] = [saved[key], wanted[key]];
    if (now === undefined || isDeepStrictEqual(before, now)) continue;
    const both = `${flagOf(key)} is ${shown(now)}, but the run was started with ${shown(before)}`;
    if (resumeRules[key] === "fixed") {
      throw new ConfigError(`${both}: leave ${flagOf(key)} out to go on, or start a new run with another --run`);
    }
    if (resumeRules[key] === "grows" && before !== undefined && now < before) {
      throw new ConfigError(`${both}: a run can grow but not shrink; leave ${flagOf(key)} out, or start a new run`);
    }
    if (key === "lr" && saved.schedule?.entries.some(({ learningRate }) => learningRate !== undefined)) {
      throw new ConfigError(`${both}, and its schedule says the learning rates: leave --lr out, or start a new run`);
    }
  }
}

/**
 * The configuration of a run that goes on: the saved one under the options given now.
 * @param given only what the user really gave, by flag or file, not yet validated
 * @throws ConfigError if an option is wrong or may not change
 */
export function resumeTrainConfig(saved: TrainConfig, given: Readonly<Record<string, unknown>>): TrainConfig {
  const config = parseOptions(trainSchema, { ...saved, ...otherMeasure(given), ...given, resume: true });
  checkResumable(saved, config);
  return settle(config);
}

/** A run by the clock can go on by images, and the other way round: what is given now takes the place of what was saved. */
function otherMeasure({ minutes, totalKimg }: Readonly<Record<string, unknown>>): Record<string, undefined> {
  if (minutes !== undefined && totalKimg === undefined) return { totalKimg: undefined };
  if (totalKimg !== undefined && minutes === undefined) return { minutes: undefined };
  return {};
}

/** What changes the training of a run that goes on, a line each. */
export function changesTold(saved: TrainConfig, now: TrainConfig): string[] {
  return trainKeys
    .filter((key) => resumeRules[key] === "told" && !isDeepStrictEqual(saved[key], now[key]))
    .map((key) => `from here on with ${flagOf(key)} ${shown(now[key])}, before ${shown(saved[key])}`);
}
