import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { parseConfigFile, resolveTrainConfig, resumeTrainConfig, type TrainConfig, trainSchema } from "../../config.ts";
import { diskError } from "../../data/disk.ts";
import { exitCodes } from "../../errors.ts";
import { option, text } from "../../option-schema.ts";
import { readRunConfig } from "../../run-folder.ts";
import type { EndEvent } from "../../train/events.ts";
import { addCommand, type Context } from "../options.ts";
import { formatPlan } from "../plan-table.ts";
import { createTrainDisplay } from "../progress.ts";

const schema = trainSchema.extend({
  config: option(text("a JSON file").optional(), {
    value: "FILE",
    group: "Run",
    description: "options from a JSON file, named as in the run's config.json (kimgPerPhase); flags win over it",
  }),
});

/** `pioneer train`: a run from its options, or more of one. */
export function addTrainCommand(program: Command): void {
  addCommand(program, {
    name: "train",
    summary: "train a model on images, or go on with a run",
    schema,
    examples: [
      "pioneer train --data faces.pack --run runs/faces --resolution 64 --latent 128 --channels 128",
      "pioneer train --run runs/faces --resume --max-minutes 60",
      "pioneer train --data faces.pack --resolution 128 --plan",
    ],
    prepare: async (given) => readTrainConfig(given),
    run: (config, _args, context) => train(config, context),
  });
}

/** Flags over the file of --config over, with --resume, what the run was started with. */
function readTrainConfig({ config: file, ...flags }: Readonly<Record<string, unknown>>): TrainConfig {
  const given = typeof file === "string" ? { ...readConfigFile(file), ...flags } : flags;
  if (given.resume !== true) return resolveTrainConfig(given);
  const run = typeof given.run === "string" ? given.run : trainSchema.shape.run.parse(undefined);
  return resumeTrainConfig(readRunConfig(run), { ...given, run });
}

function readConfigFile(path: string): Record<string, unknown> {
  try {
    return parseConfigFile(readFileSync(path, "utf8"), path);
  } catch (error) {
    throw diskError(error, path);
  }
}

async function train(config: TrainConfig, { output }: Context): Promise<number> {
  if (config.plan) {
    const { planTraining } = await import("../../train/plan.ts");
    const plan = await planTraining(config);
    for (const line of formatPlan(plan)) output.log(line);
    output.result({ ...plan });
    return exitCodes.done;
  }
  const end = await trainWithDisplay(config, { output });
  if (end.reason === "finished" || end.reason === "already-finished") {
    output.log(`next: pioneer sample --model ${config.run} --out samples --grid`);
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
  if (reason === "interrupted") return exitCodes.interrupted;
  return reason === "terminated" ? exitCodes.terminated : exitCodes.done;
}
