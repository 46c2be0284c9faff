import type { Command } from "commander";
import { z } from "zod";
import { option, toggle, whole } from "../../option-schema.ts";
import { modelOptions, withModel } from "../model-options.ts";
import { addCommand } from "../options.ts";

const schema = z.strictObject({
  ...modelOptions,
  count: option(whole(1, 1_000_000).default(16), { value: "N", description: "how many images, from 1; default 16" }),
  seed: option(whole(0).default(0), {
    value: "S",
    description:
      "seed of the latents, a whole number from 0; default 0. More images of a seed begin with the same ones",
  }),
  grid: option(toggle().default(false), { description: "also write grid.png, of at most the first 256 images" }),
});

/** `pioneer sample`: random latents on the sphere, decoded. */
export function addSampleCommand(program: Command): void {
  addCommand(program, {
    name: "sample",
    summary: "make random images",
    schema,
    examples: ["pioneer sample --model runs/faces --out samples --count 64 --seed 1 --grid"],
    async run(options, _args, { output }) {
      const { writeSamples } = await import("../../images/sample.ts");
      const written = await withModel(options, (model) => writeSamples(model, options));
      const two = options.count > 1 ? written.files.slice(0, 2).join(" ") : "TWO IMAGES";
      output.wrote(written.files, `pioneer interpolate --model ${options.model} --out morph ${two}`);
      output.result({ ...written });
      return undefined;
    },
  });
}
