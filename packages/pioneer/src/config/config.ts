import type { z } from "zod";
import { ConfigError } from "../base/errors.ts";
import { checkAlignOptions } from "./face-template.ts";
import { flagOf, parseOptions } from "./option-schema.ts";
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
    const key = config.realm ? "realm" : keys.find((name) => config[name] !== undefined);
    if (key !== undefined) {
      throw new ConfigError(`${flagOf(key)} is of the recipes that make latents: leave it out with --recipe gan`);
    }
  }
  if (!config.progression && config.startPhase !== undefined) {
    throw new ConfigError(
      `--no-progression begins in the last phase, --start-phase in phase ${config.startPhase}: leave one of them out`,
    );
  }
  if (config.minutes !== undefined) {
    const others = ["schedule", "totalKimg", "startPhase", "forceAlpha"] as const;
    const key = config.plan
      ? "plan"
      : config.progression
        ? others.find((name) => config[name] !== undefined)
        : "progression";
    if (key !== undefined) {
      const flag = key === "progression" ? "--no-progression" : flagOf(key);
      throw new ConfigError(`${flag} goes by images, --minutes by the clock: leave one of them out`);
    }
  }
  checkAlignOptions(config, data);
  if (data === config.run) {
    throw new ConfigError(`--data and --run are both "${data}": give the run a folder of its own`);
  }
  if (data.startsWith("procedural:")) {
    const key = (["labels", "crop"] as const).find((name) => config[name] !== undefined);
    if (key !== undefined) {
      throw new ConfigError(
        `${flagOf(key)} does not go with --data ${data}: its images are drawn, labels and all; leave it out`,
      );
    }
  }
}
