import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { ConfigError } from "../../base/errors.ts";
import { shellWord } from "../../base/shell-word.ts";
import { option, toggle, whole } from "../../config/option-schema.ts";
import { animationOptions, checkAnimation, defaultFps } from "../options/animation-options.ts";
import { modelOptions, withModel } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";
import { looksOf, modelAt, pictureOptions } from "../options/picture-options.ts";
import type { Output } from "../output/report.ts";
import { showWork } from "../output/work-progress.ts";

const schema = z.strictObject({
  ...modelOptions,
  ...pictureOptions,
  count: option(whole(1, 1_000_000).default(16), { value: "N", description: "how many images" }),
  seed: option(whole(0).default(0), {
    value: "S",
    description: "seed of the latents",
    note: "more images of a seed begin with the same ones",
  }),
  grid: option(toggle().default(false), { description: "also write grid.png, of at most the first 256 images" }),
  walk: option(toggle().default(false), {
    description: "instead of single images a closed random walk over the sphere, as walk.gif, or walk.mp4 with --mp4",
  }),
  ...animationOptions("12"),
});

async function walk(given: z.infer<typeof schema>, output: Output): Promise<undefined> {
  if (given.grid) throw new ConfigError("--grid shows single images: leave it out with --walk");
  const options = { ...given, gif: given.gif || !given.mp4 };
  await checkAnimation(options);
  const { writeWalk } = await import("../../images/walk.ts");
  const frames = showWork(output, "frames");
  const told = { ...options, frameScale: options.scale, fps: options.fps ?? defaultFps, onFrame: frames.update };
  const written = await withModel(options, (model) => writeWalk(model, told)).finally(frames.stop);
  output.wrote(written.files, `look at ${written.files[0]}; another --seed is another walk`);
  output.result({ ...written });
}

/** `pioneer sample`: random latents on the sphere, decoded. */
export function addSampleCommand(program: Command): void {
  addCommand(program, {
    name: "sample",
    summary: "make random images",
    schema,
    examples: [
      "sample --model runs/faces --out samples --count 64 --seed 1 --grid",
      "sample --model runs/faces --out samples --walk --gif --mp4 --seconds 20 --seed 1",
    ],
    async run(options, _args, { output }) {
      if (options.walk) return walk(options, output);
      if (options.gif || options.mp4) {
        throw new ConfigError(`--${options.gif ? "gif" : "mp4"} is for a walk here: give --walk too, or leave it out`);
      }
      await checkAnimation(options);
      const { writeSamples } = await import("../../images/sample.ts");
      const { hasEncoder, ...written } = await withModel(options, async (model) => {
        const looks = await looksOf(options.model, model.resolution, { ...options, command: "sample" });
        const { hasEncoder } = await modelAt(options.model);
        return { ...(await writeSamples(model, { ...options, ...looks })), hasEncoder };
      });
      const others = (await readdir(options.out)).filter(
        (name) => /^sample-\d+\.png$/.test(name) && !written.files.includes(join(options.out, name)),
      );
      if (others.length > 0) {
        output.log(
          `note: ${options.out} holds ${others.length} more samples, of before; for a set of its own give another --out`,
        );
      }
      const two = options.count > 1 ? written.files.slice(0, 2).map(shellWord).join(" ") : "TWO IMAGES";
      const model = `--model ${shellWord(options.model)}`;
      const next = hasEncoder ? `interpolate ${model} --out morph ${two}` : `sample ${model} --out walk --walk --gif`;
      output.wrote(written.files, commandLine(next));
      output.result({ ...written });
      return undefined;
    },
  });
}
