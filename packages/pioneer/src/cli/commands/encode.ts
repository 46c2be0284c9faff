import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { shellWord } from "../../base/shell-word.ts";
import { option, text, toggle } from "../../config/option-schema.ts";
import { modelOptions } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";
import { photoOptions, withPhotos } from "../options/photo-options.ts";
import { modelAt } from "../options/picture-options.ts";
import { showWork } from "../output/work-progress.ts";

const { out: _, ...opening } = modelOptions;

const schema = z.strictObject({
  ...opening,
  out: option(text("a .npy or .safetensors file"), {
    value: "FILE",
    description:
      "file for the latents, float32 [photos, latent]: codes.npy, or codes.safetensors with the photos' names",
  }),
  ...photoOptions,
  force: option(toggle().default(false), { description: "replace FILE if it holds latents" }),
});

/** `pioneer encode`: photos as latents in a file. */
export function addEncodeCommand(program: Command): void {
  addCommand(program, {
    name: "encode",
    summary: "keep the latents of photos in a file, for decode, edit and interpolate --latents, or for NumPy",
    args: "<photos...>",
    schema,
    examples: [
      "encode --model runs/faces --out codes.safetensors photo.jpg another.png",
      "encode --model runs/faces --out codes.npy photos/",
      "encode --model runs/faces --out codes.npy --refine 100 photo.jpg",
    ],
    async run(options, given, { output }) {
      const { out, force, model: name } = options;
      const { checkLatentsPlace, writeLatents } = await import("../../images/latents-file.ts");
      const { photoFiles } = await import("../../images/photo-files.ts");
      const { encodeMany } = await import("../../images/subjects.ts");
      await checkLatentsPlace(out, force);
      const paths = await photoFiles(given);
      const progress = showWork(output, options.refine > 0 ? "refining steps" : "photos");
      const written = await withPhotos(options, { paths, output }, async (model, encoding) => {
        const { names, latents } = await encodeMany(model, paths, { ...encoding, onProgress: progress.update });
        await writeLatents(out, { names, latents, model: await modelAt(name) });
        return { photos: names, latent: model.latent };
      }).finally(progress.stop);
      output.log(`${written.photos.length} latents of ${written.latent} numbers, in the order of the photos`);
      output.wrote([out], commandLine(`decode --model ${shellWord(name)} --out decoded ${shellWord(out)}`));
      output.result({ files: [out], ...written });
      return undefined;
    },
  });
}
