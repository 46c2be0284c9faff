import type { Command } from "commander";
import { z } from "zod";
import { modelOptions, withModel } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";
import { looksOf, pictureOptions } from "../options/picture-options.ts";
import { openLatents } from "../options/subjects.ts";

/** `pioneer decode`: saved latents as pictures. */
export function addDecodeCommand(program: Command): void {
  addCommand(program, {
    name: "decode",
    summary: "make pictures of latents that encode has saved, or NumPy",
    args: "<latents>",
    schema: z.strictObject({ ...modelOptions, ...pictureOptions }),
    examples: [
      "decode --model runs/faces --out decoded codes.safetensors",
      "decode --model models/faces --out decoded codes.npy",
    ],
    async run(options, [path = ""], { output }) {
      const { rowsOf, writeDecoded } = await import("../../images/decoded.ts");
      const { numberedName } = await import("../../images/numbered.ts");
      const written = await withModel(options, async (model) => {
        const { latents, names } = await openLatents(path, { model, name: options.model, output });
        const looks = await looksOf(options.model, model.resolution, { ...options, command: "decode" });
        const nameOf = (index: number) => numberedName(index, names[index] as string);
        const next = rowsOf(latents, model.latent);
        return writeDecoded(model, { ...looks, out: options.out, count: names.length, next, nameOf, grid: true });
      });
      output.wrote(written.files, `look at ${written.grid}`);
      output.result({ ...written });
      return undefined;
    },
  });
}
