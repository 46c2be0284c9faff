import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { shellWord } from "../../base/shell-word.ts";
import { newestCheckpoint, readRunConfig } from "../../checkpoint/run-folder.ts";
import { readState } from "../../checkpoint/state.ts";
import { resolveTrainConfig, type TrainConfig } from "../../config/config.ts";
import { laptopBatch } from "../../config/hour.ts";
import { option, positive, text } from "../../config/option-schema.ts";
import { resumeTrainConfig } from "../../config/resume.ts";
import { trainSchema } from "../../config/train-options.ts";
import { shippedModels } from "../../models/shipped.ts";
import { addCommand, type Context } from "../options/options.ts";
import { exitCodeOf, trainWithDisplay } from "./train.ts";

const schema = z.strictObject({
  minutes: option(positive().default(8), { value: "M", description: "how many minutes to train" }),
  run: option(text("a folder").default("demo"), {
    value: "DIR",
    description: "folder of the run, which a second demo goes on with",
  }),
  pictures: option(text("a folder").default("demo-models"), {
    value: "DIR",
    description: "where pictures by the models in the box go, before a first demo trains",
  }),
  threads: trainSchema.shape.threads,
});

/** Drawn faces that look ahead, on a laptop: small networks, and small batches for many steps in little time. */
const preset = {
  data: "procedural:portraits",
  recipe: "cycle",
  resolution: 64,
  latent: 128,
  channels: 64,
  channelProfile: 1024,
  batch: laptopBatch,
  lr: 0.0015,
  gridKimg: 10,
  keep: 1,
};

/** `pioneer demo`: what the models in the box can do, then some minutes of training on faces that need no download. */
export function addDemoCommand(program: Command): void {
  addCommand(program, {
    name: "demo",
    summary: "show the models in the box, then train for some minutes on drawn faces",
    schema,
    examples: ["demo --minutes 8"],
    async run({ minutes, run, pictures, threads }, _args, { output }) {
      if (newestCheckpoint(run) === undefined) await showModels(pictures, output);
      const end = await trainWithDisplay(demoConfig(run, minutes, threads), { output });
      output.log(
        `pictures: ${join(run, "recons-*.png")} (drawn faces and their reconstructions), ${join(run, "samples-*.png")}`,
      );
      output.log(`next: ${commandLine(`sample --model ${shellWord(run)} --out samples --grid`)}`);
      output.result({ ...end, run });
      return exitCodeOf(end);
    },
  });
}

/** Pictures by each model in the box. Where one cannot be computed here, it says so, and training goes on. */
async function showModels(pictures: string, output: Context["output"]): Promise<void> {
  const { showModel } = await import("../../directions/show-model.ts");
  for (const shipped of shippedModels) {
    try {
      const { samples, strips } = await showModel(shipped, join(pictures, shipped.name));
      output.log(`${shipped.name}, a model in the box: look at ${samples} (samples)`);
      for (const strip of strips) output.log(`  and ${strip} (edits)`);
    } catch (error) {
      output.log(`${shipped.name}, a model in the box, is not shown: ${(error as Error).message}`);
    }
  }
}

/** A new demo grows by the clock, as far as this machine gets; another one goes on with the run. */
function demoConfig(run: string, minutes: number, threads: number | undefined): TrainConfig {
  const newest = newestCheckpoint(run);
  const given = { run, ...(threads !== undefined && { threads }) };
  if (newest === undefined) return resolveTrainConfig({ ...preset, ...given, minutes });
  const before = readState(newest).elapsedSeconds / 60;
  return resumeTrainConfig(readRunConfig(run), { ...given, minutes: before + minutes });
}
