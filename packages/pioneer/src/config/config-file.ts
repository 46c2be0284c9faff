// Options as a JSON file: config.json of a run, or one written by hand.
import { ConfigError } from "../base/errors.ts";
import { placeOf } from "../base/place.ts";
import { parseJson } from "../base/read.ts";
import type { TrainConfig } from "./config.ts";
import { searchFaces } from "./face-template.ts";
import { resumeRules, type TrainKey } from "./train-options.ts";

const savedFormat = 1;

/** Options whose value may be a path of the run's data. */
const dataPaths = ["data", "labels", "align"] as const;

type DataPaths = Partial<Record<(typeof dataPaths)[number], string>>;

/** `change` applied to each path of data that there is. */
export function withDataPaths(config: TrainConfig, change: (path: string) => string): TrainConfig {
  const changed: DataPaths = {};
  for (const key of dataPaths) {
    const path = config[key];
    if (path !== undefined && !(key === "align" && path === searchFaces)) changed[key] = change(path);
  }
  return { ...config, ...changed };
}

/** The text of a run's config.json: everything but what holds for one call only; data by absolute paths. */
export function savedConfigText(config: TrainConfig): string {
  const placed = withDataPaths(config, placeOf);
  const kept = Object.entries(placed).filter(([key]) => resumeRules[key as TrainKey] !== "session");
  return `${JSON.stringify({ format: savedFormat, ...Object.fromEntries(kept) }, null, 2)}\n`;
}

/**
 * Options from a JSON file: a run's config.json, or one written by hand (no `format`, and not every option).
 * @param path for messages
 * @throws ConfigError if it is not a JSON object, or of a newer format
 */
export function parseConfigFile(content: string, path: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = parseJson(content);
  } catch (error) {
    throw new ConfigError(`${path}: not JSON (${(error as Error).message}); mend or remove it`, { cause: error });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ConfigError(`${path}: expected a JSON object of options such as {"latent": 128}`);
  }
  const { format = savedFormat, ...options } = parsed as Record<string, unknown>;
  if (format !== savedFormat) {
    throw new ConfigError(
      `${path}: format ${JSON.stringify(format)}, and this version of pioneer reads ${savedFormat}: update pioneer`,
    );
  }
  return options;
}
