import type { Command } from "commander";
import { z } from "zod";
import { ConfigError } from "../../errors.ts";
import { option, whole } from "../../option-schema.ts";
import { modelOptions, refineOption, withModel } from "../model-options.ts";
import { addCommand } from "../options.ts";
import { showWork } from "../work-progress.ts";

const schema = z.strictObject({
  ...modelOptions,
  steps: option(whole(2, 64).default(8), {
    value: "N",
    description: "images from one end to the other, both included, 2 to 64; default 8",
  }),
  refine: refineOption,
});

/** `pioneer interpolate`: the way between encodings of photos, on the sphere. */
export function addInterpolateCommand(program: Command): void {
  addCommand(program, {
    name: "interpolate",
    summary: "morph: a strip between two photos, a grid between four (its corners, from top left to bottom right)",
    args: "<image...>",
    schema,
    examples: [
      "pioneer interpolate --model runs/faces --out morph a.jpg b.jpg",
      "pioneer interpolate --model runs/faces --out morph --steps 8 a.jpg b.jpg c.jpg d.jpg",
    ],
    async run(options, paths, { output }) {
      if (paths.length !== 2 && paths.length !== 4) {
        throw new ConfigError(`interpolate: expected 2 images for a strip or 4 for a grid, got ${paths.length}`);
      }
      const { writeMorph } = await import("../../images/morph.ts");
      const progress = showWork(output, "refining steps");
      const refining = { ...options, onRefine: progress.update };
      const written = await withModel(options, (model) => writeMorph(model, paths, refining)).finally(progress.stop);
      output.wrote(written.files, `look at ${written.grid}: the photos above, the way between their encodings below`);
      output.result(written);
      return undefined;
    },
  });
}
