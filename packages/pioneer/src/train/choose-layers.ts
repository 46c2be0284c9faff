import { type Capabilities, capabilities } from "pioneer-torch";
import { defaultCacheDir } from "../base/cache-dir.ts";
import { chooseLayers, type LayerChoices } from "../compute/choose-layers.ts";
import type { RunPrecision } from "../compute/convolution-choice.ts";
import {
  askedForm,
  type Computing,
  chooseComputing,
  chooseDevice,
  precisionsFor,
  reasonOf,
  type WantedComputing,
} from "../compute/device.ts";
import { batchAt } from "../config/batch.ts";
import { resolveTrainConfig, type TrainConfig } from "../config/config.ts";
import { recipeOf } from "../config/recipe.ts";
import { layersOfStep } from "./cost.ts";

export interface PhaseOptions {
  readonly threads: number;
  /** That may be chosen. */
  readonly precisions: readonly RunPrecision[];
  readonly log?: (text: string) => void;
}

/** Precision and convolutions of a run's phases. @returns undefined where there is nothing to choose between */
export function choosePhaseLayers(
  config: TrainConfig,
  phases: readonly number[],
  options: PhaseOptions,
): Promise<LayerChoices | undefined> {
  const recipe = recipeOf(config);
  return chooseLayers(new Map(phases.map((phase) => [phase, layersOfStep(config, phase, recipe)])), {
    ...options,
    batchAt: (resolution) => batchAt(config.batch, resolution),
    asked: config.convolutions === "auto" ? undefined : askedForm(config.convolutions),
    folder: config.cacheDir ?? defaultCacheDir(),
  });
}

/** What a run of such networks would compute a phase with. @throws ConfigError as `chooseComputing` */
export async function measureComputing(
  { latent, channels, phase, batch }: { latent: number; channels: number; phase: number; batch: number },
  wanted: WantedComputing,
  able: Capabilities = capabilities(),
): Promise<Computing> {
  const unmeasured = chooseComputing(wanted, able);
  if (unmeasured.device !== "cpu") return unmeasured;
  const { convolutions = "auto" } = wanted;
  const config = resolveTrainConfig({ data: "procedural:faces", latent, channels, batch, convolutions });
  const { precisions } = precisionsFor(wanted, unmeasured.device, able);
  const choices = await choosePhaseLayers(config, [phase], { threads: unmeasured.threads, precisions });
  const choice = choices?.phases.get(phase);
  if (!choice) return unmeasured;
  return {
    ...unmeasured,
    precision: choice.precision,
    why: precisions.length > 1 ? reasonOf(chooseDevice(wanted, able).why, "measured") : unmeasured.why,
    convolutions: convolutions === "auto" ? choice.convolutions : convolutions,
  };
}
