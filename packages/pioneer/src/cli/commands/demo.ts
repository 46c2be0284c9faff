import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { shellWord } from "../../base/shell-word.ts";
import { newestCheckpoint, readRunConfig } from "../../checkpoint/run-folder.ts";
import { resolveTrainConfig, type TrainConfig } from "../../config/config.ts";
import { option, positive, text } from "../../config/option-schema.ts";
import { resumeTrainConfig } from "../../config/resume.ts";
import { addCommand } from "../options/options.ts";
import type { Output } from "../output/report.ts";
import { exitCodeOf, trainWithDisplay } from "./train.ts";

const schema = z.strictObject({
  minutes: option(positive().default(8), { value: "M", description: "how many minutes to train" }),
  run: option(text("a folder").default("demo"), {
    value: "DIR",
    description: "folder of the run, which a second demo goes on with",
  }),
});

/** Drawn faces on a laptop: small networks, and small batches for many steps in little time. */
const preset = {
  data: "procedural:faces",
  latent: 64,
  channels: 64,
  batch: 16,
  lr: 0.002,
  // A few thousand steps: the paper's 0.999 would still show the random start.
  emaDecay: 0.99,
  gridKimg: 5,
  keep: 1,
};

/** `pioneer demo`: some minutes of training on faces that need no download. */
export function addDemoCommand(program: Command): void {
  addCommand(program, {
    name: "demo",
    summary: "train for some minutes on drawn faces and show what was learnt",
    schema,
    examples: ["pioneer demo --minutes 8"],
    async run({ minutes, run }, _args, { output }) {
      const end = await trainWithDisplay(await demoConfig(run, minutes, output), { output });
      output.log(
        `pictures: ${join(run, "recons-*.png")} (drawn faces and their reconstructions), ${join(run, "samples-*.png")}`,
      );
      output.log(`next: pioneer sample --model ${shellWord(run)} --out samples --grid`);
      output.result({ ...end, run });
      return exitCodeOf(end);
    },
  });
}

/** Below this many images per phase, faces are not recognised for faces. */
const leastKimgPerPhase = 15;

/**
 * A new demo's phases are as long as this machine has time for, up to the largest resolution that leaves them long
 * enough; another demo goes on with the run.
 */
async function demoConfig(run: string, minutes: number, output: Output): Promise<TrainConfig> {
  if (newestCheckpoint(run) !== undefined) return resumeTrainConfig(readRunConfig(run), { run, maxMinutes: minutes });
  const { planTraining } = await import("../../train/plan.ts");
  output.log("measuring how fast this machine trains");
  const config = resolveTrainConfig({ ...preset, resolution: 32, run, kimgPerPhase: 1 });
  const { phases } = await planTraining(config, (text) => output.log(text));
  // Minutes of a phase for every thousand images; the last row shows its phase twice as long.
  const [at4 = 0, at8 = 0, at16 = 0, twiceAt32 = 0] = phases.map(({ hours }) => hours * 60);
  // Pictures and checkpoints take their share, and what is not used up costs nobody anything.
  const training = 0.85 * minutes;
  const upTo32 = training / (at4 + at8 + at16 + twiceAt32);
  const upTo16 = training / (at4 + at8 + 2 * at16);
  const [resolution, kimgPerPhase] = upTo32 >= leastKimgPerPhase ? [32, upTo32] : [16, upTo16];
  return resolveTrainConfig({
    ...preset,
    resolution,
    run,
    kimgPerPhase: Math.max(1, Math.floor(kimgPerPhase)),
    maxMinutes: minutes,
  });
}
