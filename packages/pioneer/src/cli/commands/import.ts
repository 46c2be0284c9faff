import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { StoppedError } from "../../base/errors.ts";
import { formatKimg } from "../../base/format.ts";
import { shellWord } from "../../base/shell-word.ts";
import { abortOnSignals } from "../../base/signals.ts";
import { batch } from "../../config/batch.ts";
import { oneOf, option, positive, resolution, text, toggle } from "../../config/option-schema.ts";
import { presetNames } from "../../config/presets.ts";
import { recipeNames } from "../../config/recipe.ts";
import { imageSource } from "../../config/shared-options.ts";
import type { Imported } from "../../import/import-run.ts";
import { addCommand } from "../options/options.ts";
import { showByteProgress } from "../output/byte-progress.ts";
import type { Output } from "../output/report.ts";

/** What matters where the run is trained on. */
const group = "To go on training";

const schema = z.strictObject({
  out: option(text("a folder for the run"), {
    value: "RUN",
    description: "folder of the run, made by this; for directions alone, the run that they belong to",
  }),
  recipe: option(oneOf(recipeNames).optional(), {
    value: "NAME",
    description: "recipe to go on with",
    default: "what the layers say, another is refused",
  }),
  activatedCode: option(toggle().default(true), {
    description:
      "the encoder ends without LeakyReLU: balanced models trained without --e_last_relu; the published ones have it",
  }),
  preset: option(oneOf(presetNames).optional(), {
    value: "DATA",
    description: "crop, resolution and schedule of a data set",
    default: "crop center",
  }),
  resolution: option(resolution().optional(), {
    value: "R",
    group,
    description: "final width and height",
    default: "the preset's, else the checkpoint's",
  }),
  kimgPerPhase: option(positive().optional(), {
    value: "K",
    group,
    description: "their --images_per_stage in thousands",
    default: "the preset's, else 2400 or 4800, as fits",
  }),
  batch: option(batch, { value: "N", group, description: "images per step", default: "is the authors' on one GPU" }),
  data: option(imageSource.optional(), {
    value: "PATH",
    group,
    description: "images to learn from, noted in the run",
    default: "train --resume --data says it",
  }),
});

/** `pioneer import`: the authors' checkpoints and attribute directions. */
export function addImportCommand(program: Command): void {
  addCommand(program, {
    name: "import",
    summary: "turn a checkpoint of the authors' PyTorch program into a run",
    args: "<file...>",
    schema,
    examples: [
      "import CelebA-128/checkpoint/36200000_state --out runs/celeba128 --preset celeba",
      "import checkpoint/25480000_state checkpoint/25480000_SNU attrib/*_delta --out runs/hq256 --preset celeba-hq",
      "import attrib/smile_delta --out runs/hq256",
    ],
    async run(options, files, { output }) {
      const { importAuthors } = await import("../../import/import-run.ts");
      const signal = abortOnSignals();
      const progress = showByteProgress(output);
      try {
        const onLoaded = (done: number, total: number) => {
          if (signal.aborted) throw StoppedError.by(signal, "stopped; nothing was written");
          progress.update(done, total);
        };
        const imported = await importAuthors({ ...options, files, onLoaded });
        progress.stop();
        describe(imported, options.out, output);
      } finally {
        progress.stop();
      }
      return undefined;
    },
  });
}

function describe({ run, directions }: Imported, out: string, output: Output): void {
  if (run) {
    const { recipe, resolution: side, phase, alpha, latent, images } = run;
    output.log(
      `${recipe}, ${formatKimg(images)} kimg shown, phase ${phase} (${side}x${side}), alpha ${alpha}, latent ${latent}`,
    );
    output.log(`u of the spectral norms: ${run.u === "exact" ? "the exact singular vectors" : "from the file"}`);
    for (const note of run.notes) output.log(`note: ${note}`);
    output.log(`wrote ${run.checkpoint}`);
  }
  for (const { name, unit } of directions)
    output.log(`direction ${name}: strength 1 moves a latent by ${unit.toFixed(3)}`);
  const next = run?.recipe === "gan" ? "sample" : "reconstruct";
  const rest = next === "sample" ? "--out samples --grid" : "--out recons photo.jpg";
  if (run) output.log(`next: ${commandLine(`${next} --model ${shellWord(out)} ${rest}`)}`);
  output.result({ out, ...run, directions: directions.map(({ name, unit }) => ({ name, unit })) });
}
