import type { Command } from "commander";
import { weightFormats } from "pioneer-runtime/internal";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { formatBytes } from "../../base/format.ts";
import { shellWord } from "../../base/shell-word.ts";
import { oneOf, option, text, toggle } from "../../config/option-schema.ts";
import type { Exported } from "../../export/export-model.ts";
import { modelOptions } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";

const schema = z.strictObject({
  run: option(text("a run, or one of its checkpoints"), {
    value: "DIR",
    description:
      "a run (its newest checkpoint is exported) or one of its checkpoints (RUN/best: see train --evaluate-every)",
  }),
  out: option(text("a folder for the model"), {
    value: "MODEL",
    description: "the model folder, made when it is whole",
  }),
  dtype: option(oneOf(weightFormats, { fp16: "half the size", int8: "a quarter, for pages" }).optional(), {
    value: "TYPE",
    description: "what weights are stored as",
    default: "fp16, with --weights fp32",
  }),
  weights: option(toggle().default(false), {
    description:
      "also write model.safetensors, for libtorch and train --from: all networks as they were trained, with another --dtype than fp32 those that make pictures, in fp16",
  }),
  data: option(text("a pack, or another source of images").optional(), {
    value: "PACK",
    description: "images held out of training (its split test) to measure reconstructions on",
    default: "the run's data",
  }),
  force: option(toggle().default(false), { description: "replace a model folder that is there" }),
  threads: modelOptions.threads,
});

/** `pioneer export`: a run as a folder that works without libtorch. */
export function addExportCommand(program: Command): void {
  addCommand(program, {
    name: "export",
    summary: "write a run as a model folder for ONNX Runtime, in Node or a browser",
    schema,
    examples: [
      "export --run runs/faces --out models/faces",
      "export --run runs/faces --out models/faces-small --dtype int8",
    ],
    async run(options, _args, { output }) {
      const { exportModel } = await import("../../export/export-model.ts");
      const { dtype = options.weights ? "fp32" : "fp16" } = options;
      const exported = await exportModel({ ...options, dtype, onProgress: (what) => output.log(what) });
      for (const line of describe(exported)) output.log(line);
      output.wrote(exported.files, commandLine(`sample --model ${shellWord(options.out)} --out samples --grid`));
      output.result({ ...exported, folder: options.out });
      return undefined;
    },
  });
}

function describe({ checkpoint, config, differences, quality }: Exported): string[] {
  const bytes = Object.values(config.files).reduce((sum, file) => sum + file.bytes, 0);
  const lines = [
    `${checkpoint}, ${config.kimg} kimg, ${config.resolution}x${config.resolution}, ${config.dtype}, ${formatBytes(bytes)}`,
  ];
  if (!("encoder" in differences)) {
    lines.push(
      `no encoder.onnx: the encoder of the recipe ${config.recipe} makes no latents, so the model only samples`,
    );
  }
  for (const [name, { largest, relative }] of Object.entries(differences)) {
    const numbers = `largest ${largest.toExponential(1)}, ${(100 * relative).toPrecision(2)} % of the output`;
    lines.push(`${name.padEnd(9)}  differs from libtorch in float32: ${numbers}`);
  }
  if (typeof quality === "string") return [...lines, `reconstructions were not measured: ${quality}`];
  const { images, reference, exported, agreement } = quality;
  return [
    ...lines,
    `PSNR of ${images} held-out reconstructions: ${exported.toFixed(2)} dB; in float32 before the export ${reference.toFixed(2)} dB; of one against the other ${agreement.toFixed(1)} dB`,
  ];
}
