import type { Command } from "commander";
import { z } from "zod";
import { option, whole } from "../../config/option-schema.ts";
import { animationOptions, checkAnimation, defaultFps } from "../options/animation-options.ts";
import { modelOptions } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";
import { photoOptions } from "../options/photo-options.ts";
import { looksOf, pictureOptions } from "../options/picture-options.ts";
import { latentsOption, withSubjects } from "../options/subjects.ts";
import { showWork } from "../output/work-progress.ts";

const schema = z.strictObject({
  ...modelOptions,
  ...pictureOptions,
  steps: option(whole(2, 64).default(8), {
    value: "N",
    description: "images from one end to the other, both included",
  }),
  ...latentsOption,
  ...photoOptions,
  ...animationOptions("2 a photo"),
});

/** `pioneer interpolate`: the way between the latents of photos, on the sphere. */
export function addInterpolateCommand(program: Command): void {
  addCommand(program, {
    name: "interpolate",
    summary:
      "morph: a strip between two photos, a square between four (its corners, from top left to bottom right), a hexagon between six " +
      "(clockwise from the top left), a path through any other number; --gif and --mp4: round the photos and back to the first",
    args: "[photos...]",
    schema,
    examples: [
      "interpolate --model runs/faces --out morph a.jpg b.jpg",
      "interpolate --model runs/faces --out morph --steps 8 a.jpg b.jpg c.jpg d.jpg",
      "interpolate --model models/faces --out morph --align faces.csv a.jpg b.jpg",
      "interpolate --model runs/faces --out morph --gif --mp4 --seconds 6 a.jpg b.jpg",
      "interpolate --model runs/faces --out morph --refine 100 --refine-lpips lpips.onnx a.jpg b.jpg",
      "interpolate --model runs/faces --out morph --gif --latents codes.safetensors",
    ],
    async run(options, photos, { output }) {
      await checkAnimation(options);
      const { writeMorph } = await import("../../images/morph.ts");
      const [refining, frames] = [showWork(output, "refining steps"), showWork(output, "frames")];
      const { scale: frameScale, model: name } = options;
      const told = { ...options, frameScale, fps: options.fps ?? defaultFps, onFrame: frames.update };
      const mend = `give 2 ${options.latents === undefined ? "photos" : "latents"} for a strip, 4 for a square, 6 for a hexagon or any other number for a path`;
      const given = { command: "interpolate", photos, least: { count: 2, mend }, output, onRefine: refining.update };
      const written = await withSubjects(options, given, async (model, subjects) => {
        const looks = await looksOf(name, model.resolution, { ...options, command: "interpolate" });
        return writeMorph(model, await subjects(), { ...told, ...looks });
      }).finally(() => {
        refining.stop();
        frames.stop();
      });
      const what =
        options.latents === undefined ? "the photos, and the way between their latents" : "the way between the latents";
      output.wrote(written.files, `look at ${written.grid}: ${what}`);
      output.result(written);
      return undefined;
    },
  });
}
