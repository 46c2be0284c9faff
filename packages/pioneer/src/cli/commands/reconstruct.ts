import type { Command } from "commander";
import { z } from "zod";
import type { Nearness, Reconstructions } from "../../images/reconstruct.ts";
import { modelOptions } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";
import { photoOptions, withPhotos } from "../options/photo-options.ts";
import { looksOf, pictureOptions } from "../options/picture-options.ts";
import { showWork } from "../output/work-progress.ts";

/** `pioneer reconstruct`: photos through the encoder and back. */
export function addReconstructCommand(program: Command): void {
  addCommand(program, {
    name: "reconstruct",
    summary: "encode photos, also whole folders of them, and decode them again",
    args: "<photos...>",
    schema: z.strictObject({ ...modelOptions, ...pictureOptions, ...photoOptions }),
    examples: [
      "reconstruct --model runs/faces --out reconstructions photo.jpg another.png",
      "reconstruct --model runs/faces --out reconstructions --align faces.csv photo.jpg",
      "reconstruct --model runs/faces --out reconstructions --refine 100 photo.jpg",
      "reconstruct --model runs/faces --out reconstructions --refine 100 --refine-lpips lpips.onnx photo.jpg",
    ],
    async run(options, given, { output }) {
      const { photoFiles } = await import("../../images/photo-files.ts");
      const { writeReconstructions } = await import("../../images/reconstruct.ts");
      const paths = await photoFiles(given);
      const progress = showWork(output, "refining steps");
      const written = await withPhotos(options, { paths, output }, async (model, encoding) => {
        const looks = await looksOf(options.model, model.resolution, { ...options, command: "reconstruct" });
        const told = { ...encoding, ...looks, out: options.out, onRefine: progress.update };
        return writeReconstructions(model, paths, told);
      }).finally(progress.stop);
      output.log(formatNearness(written.pairs));
      const then = options.refine > 0 ? "its reconstruction and the refined one" : "its reconstruction";
      output.wrote(written.files, `look at ${written.grid}: each photo with ${then} on its right`);
      output.result({ ...written });
      return undefined;
    },
  });
}

/** "PSNR 18.89 dB, refined 22.19 dB; L1 0.1720, refined 0.1080; means of 3 photos" */
function formatNearness(pairs: Reconstructions["pairs"]): string {
  const mean = (values: (number | undefined)[]) =>
    values.reduce<number>((sum, value = 0) => sum + value, 0) / values.length;
  const isRefined = pairs.every(({ encoded }) => encoded);
  const line = (name: string, of: (near: Nearness) => number | undefined, digits: number, unit = "") => {
    const before = `${name} ${mean(pairs.map((pair) => of(pair.encoded ?? pair))).toFixed(digits)}${unit}`;
    return isRefined ? `${before}, refined ${mean(pairs.map(of)).toFixed(digits)}${unit}` : before;
  };
  const parts = [line("PSNR", ({ psnr }) => psnr, 2, " dB"), line("L1", ({ l1 }) => l1, 4)];
  if (pairs.every(({ lpips }) => lpips !== undefined)) parts.push(line("LPIPS", ({ lpips }) => lpips, 4));
  const of = pairs.length === 1 ? "" : `; means of ${pairs.length} photos`;
  return parts.join(isRefined ? "; " : ", ") + of;
}
