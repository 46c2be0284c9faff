import type { z } from "zod";
import { ConfigError } from "../base/errors.ts";
import { checkAlignOptions } from "./face-template.ts";
import { flagOf, parseOptions } from "./option-schema.ts";
import { isDrawn } from "./procedural.ts";
import { trainSchema } from "./train-options.ts";

/** A complete, validated, frozen configuration of `pioneer train`. */
export type TrainConfig = Readonly<z.infer<typeof trainSchema>>;

/**
 * Validates options from flags, a file or a program, fills in the defaults and freezes the result.
 * @throws ConfigError naming the first wrong flag, its value and what was expected
 */
export function resolveTrainConfig(raw: unknown): TrainConfig {
  return settle(parseOptions(trainSchema, raw));
}

export function settle(config: z.infer<typeof trainSchema>): TrainConfig {
  checkTogether(config);
  if (typeof config.batch === "object") Object.freeze(config.batch);
  for (const entry of config.schedule?.entries ?? []) Object.freeze(entry);
  if (config.schedule) Object.freeze(config.schedule);
  return Object.freeze(config);
}

/** Options that are fine alone and wrong together. */
function checkTogether(config: TrainConfig): void {
  const { batch, data } = config;
  const final = config.resolution;
  if (typeof batch === "object" && final !== undefined) {
    const above = Object.keys(batch).find((key) => Number(key) > final);
    if (above !== undefined) {
      throw new ConfigError(`--batch names resolution ${above}, but --resolution is ${final}: leave that entry out`);
    }
  }
  if (config.recipe === "gan") {
    const keys = ["margin", "boostreco", "klDirection", "xMismatch", "zMismatch"] as const;
    const isOn = (["realm", "augment", "sharpen"] as const).find((name) => config[name]);
    const key = isOn ?? keys.find((name) => config[name] !== undefined);
    if (key !== undefined) {
      throw new ConfigError(`${flagOf(key)} is of the recipes that make latents: leave it out with --recipe gan`);
    }
  }
  if (!config.progression && config.startPhase !== undefined) {
    throw new ConfigError(
      `--no-progression begins in the last phase, --start-phase in phase ${config.startPhase}: leave one of them out`,
    );
  }
  checkMinutes(config);
  checkAlignOptions(config, data);
  if (data === config.run) {
    throw new ConfigError(`--data and --run are both "${data}": give the run a folder of its own`);
  }
  if (isDrawn(data)) {
    const key = (["labels", "crop"] as const).find((name) => config[name] !== undefined);
    if (key !== undefined) {
      throw new ConfigError(
        `${flagOf(key)} does not go with --data ${data}: its images are drawn, labels and all; leave it out`,
      );
    }
  }
}

/** What goes by images does not go with --minutes. */
function checkMinutes(config: TrainConfig): void {
  const { minutes, resume } = config;
  if (minutes === undefined) return;
  if (config.plan) {
    throw new ConfigError(
      `--plan prints a schedule by images, and with --minutes ${minutes} it follows the clock: leave --plan out`,
    );
  }
  const byImages: [flag: string, isGiven: boolean][] = [
    ["--total-kimg", config.totalKimg !== undefined],
    ["--schedule", config.schedule !== undefined],
    ["--start-phase", config.startPhase !== undefined],
    ["--force-alpha", config.forceAlpha !== undefined],
    ["--no-progression", !config.progression],
  ];
  const [flag] = byImages.find(([, isGiven]) => isGiven) ?? [];
  if (flag === undefined) return;
  // Of these, --total-kimg alone can be given to a run that goes on.
  const mend =
    resume && flag !== "--total-kimg"
      ? "with which the run was started: leave --minutes out"
      : "by images: leave one of them out";
  throw new ConfigError(`--minutes ${minutes} goes by the clock, ${flag} ${mend}`);
}
