import type { Command } from "commander";
import { z } from "zod";
import { modelOptions, withModel } from "../model-options.ts";
import { addCommand } from "../options.ts";

/** `pioneer reconstruct`: photos through the encoder and back. */
export function addReconstructCommand(program: Command): void {
  addCommand(program, {
    name: "reconstruct",
    summary: "encode photos and decode them again",
    args: "<image...>",
    schema: z.strictObject(modelOptions),
    examples: ["pioneer reconstruct --model runs/faces --out reconstructions photo.jpg another.png"],
    async run(options, paths, { output }) {
      const { writeReconstructions } = await import("../../images/reconstruct.ts");
      const written = await withModel(options, (model) => writeReconstructions(model, paths, options.out));
      output.wrote(written.files, `look at ${written.grid}: each photo with its reconstruction on its right`);
      output.result({ ...written });
      return undefined;
    },
  });
}
