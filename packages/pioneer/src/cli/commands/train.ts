import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { diskError } from "../../base/disk.ts";
import { ConfigError, exitCodes } from "../../base/errors.ts";
import { readTextSync } from "../../base/read.ts";
import { shellWord } from "../../base/shell-word.ts";
import { readRunConfig } from "../../checkpoint/run-folder.ts";
import { resolveTrainConfig, type TrainConfig } from "../../config/config.ts";
import { parseConfigFile } from "../../config/config-file.ts";
import { oneOf, option, parseOptions, text } from "../../config/option-schema.ts";
import { presetNames, presetOptions } from "../../config/presets.ts";
import { resumeTrainConfig } from "../../config/resume.ts";
import { parseScheduleFile } from "../../config/schedule-file.ts";
import { trainSchema } from "../../config/train-options.ts";
import type { EndEvent } from "../../train/events.ts";
import { addCommand, type Context } from "../options/options.ts";
import { formatPlan } from "../output/plan-table.ts";
import { createTrainDisplay } from "../output/progress.ts";

const schema = trainSchema.extend({
  config: option(text("a JSON file").optional(), {
    value: "FILE",
    group: "Run",
    description: "options from a JSON file, named as in the run's config.json (kimgPerPhase)",
    note: "flags win over it",
  }),
  preset: option(oneOf(presetNames).optional(), {
    value: "DATA",
    group: "Schedule",
    description: "crop, resolution and schedule that the papers used for a data set",
    note: "flags win",
  }),
});

/** `pioneer train`: a run from its options, or more of one. */
export function addTrainCommand(program: Command): void {
  addCommand(program, {
    name: "train",
    summary: "train a model on images, or go on with a run",
    schema,
    examples: [
      "train --data faces.pack --run runs/faces --resolution 64 --latent 128 --channels 128",
      "train --data photos/ --align faces.csv --run runs/faces --resolution 64 --latent 128 --channels 128",
      "train --run runs/faces --resume --max-minutes 60",
      "train --from runs/faces --data my-photos/ --run runs/mine --kimg-per-phase 20",
      "train --data faces.pack --resolution 128 --plan",
      "train --data celeba.pack --run runs/balanced --recipe balanced --preset celeba --margin 0.05",
    ],
    prepare: readTrainConfig,
    run: (config, _args, context) => train(config, context),
  });
}

/** Flags over the file of --config over --preset or, with --resume, over what the run was started with. */
async function readTrainConfig(options: Readonly<Record<string, unknown>>): Promise<TrainConfig> {
  const { config: file, preset, ...flags } = options;
  const given = { ...(typeof file === "string" && readConfigFile(file)), ...flags };
  if (typeof given.schedule === "string") given.schedule = readWith(parseScheduleFile, given.schedule);
  if (given.resume !== true) return newConfig(preset, given);
  if (preset !== undefined) throw new ConfigError("--preset is for a new run: leave it out with --resume");
  const run = typeof given.run === "string" ? given.run : trainSchema.shape.run.parse(undefined);
  return resumeTrainConfig(readRunConfig(run), { ...given, run });
}

async function newConfig(preset: unknown, given: Readonly<Record<string, unknown>>): Promise<TrainConfig> {
  if (given.from === undefined) return resolveTrainConfig(withPreset(preset, given));
  if (preset !== undefined) {
    throw new ConfigError("--preset is for a run that begins with random networks: leave it out with --from");
  }
  const { newRunConfig } = await import("../../train/source.ts");
  return newRunConfig(given);
}

function withPreset(preset: unknown, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (preset === undefined) return given;
  const parsed = parseOptions(z.object({ preset: oneOf(presetNames) }), { preset });
  return presetOptions(parsed.preset, given);
}

const readConfigFile = (path: string) => readWith(parseConfigFile, path);

function readWith<T>(parse: (content: string, path: string) => T, path: string): T {
  try {
    return parse(readTextSync(path), path);
  } catch (error) {
    throw diskError(error, path);
  }
}

async function train(config: TrainConfig, { output }: Context): Promise<number> {
  if (config.plan) {
    const { planTraining } = await import("../../train/plan.ts");
    const plan = await planTraining(config, (text) => output.log(text));
    for (const line of formatPlan(plan)) output.log(line);
    output.result({ ...plan });
    return exitCodes.done;
  }
  const end = await trainWithDisplay(config, { output });
  const { tellsElsewhere } = await import("../../train/rank-places.ts");
  if (tellsElsewhere()) return exitCodeOf(end);
  if (end.reason === "finished" || end.reason === "already-finished") {
    output.log(`next: ${commandLine(`sample --model ${shellWord(config.run)} --out samples --grid`)}`);
  }
  output.result({ ...end });
  return exitCodeOf(end);
}

/** Trains and shows how far it is; `demo` is this with options of its own. */
export async function trainWithDisplay(config: TrainConfig, { output }: Pick<Context, "output">): Promise<EndEvent> {
  const { runTraining } = await import("../../train/run.ts");
  const display = createTrainDisplay(output);
  try {
    return await runTraining(config, display.report, { handleSignals: true });
  } finally {
    display.stop();
  }
}

/** Interrupted and terminated runs end as the shell expects of such programs. */
export function exitCodeOf({ reason }: EndEvent): number {
  return reason === "interrupted" || reason === "terminated" ? exitCodes[reason] : exitCodes.done;
}
