import type { Command } from "commander";
import { z } from "zod";
import type { Reconstructions } from "../../images/reconstruct.ts";
import { modelOptions, refineOption, withModel } from "../model-options.ts";
import { addCommand } from "../options.ts";
import { showWork } from "../work-progress.ts";

/** `pioneer reconstruct`: photos through the encoder and back. */
export function addReconstructCommand(program: Command): void {
  addCommand(program, {
    name: "reconstruct",
    summary: "encode photos and decode them again",
    args: "<image...>",
    schema: z.strictObject({ ...modelOptions, refine: refineOption }),
    examples: [
      "pioneer reconstruct --model runs/faces --out reconstructions photo.jpg another.png",
      "pioneer reconstruct --model runs/faces --out reconstructions --refine 100 photo.jpg",
    ],
    async run(options, paths, { output }) {
      const { writeReconstructions } = await import("../../images/reconstruct.ts");
      const progress = showWork(output, "refining steps");
      const refining = { ...options, onRefine: progress.update };
      const written = await withModel(options, (model) => writeReconstructions(model, paths, refining)).finally(
        progress.stop,
      );
      output.log(formatNearness(written.pairs));
      const then = options.refine > 0 ? "its reconstruction and the refined one" : "its reconstruction";
      output.wrote(written.files, `look at ${written.grid}: each photo with ${then} on its right`);
      output.result({ ...written });
      return undefined;
    },
  });
}

/** "PSNR 18.89 dB, after refining 22.19 dB (L1 0.172, 0.108); means of 3 photos" */
function formatNearness(pairs: Reconstructions["pairs"]): string {
  const mean = (of: (pair: Reconstructions["pairs"][number]) => number) =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const isRefined = pairs.every(({ encoded }) => encoded);
  const psnr = mean(({ encoded, psnr }) => encoded?.psnr ?? psnr).toFixed(2);
  const l1 = mean(({ encoded, l1 }) => encoded?.l1 ?? l1).toFixed(4);
  const of = pairs.length === 1 ? "" : `; means of ${pairs.length} photos`;
  if (!isRefined) return `PSNR ${psnr} dB, L1 ${l1}${of}`;
  const refined = { psnr: mean((pair) => pair.psnr).toFixed(2), l1: mean((pair) => pair.l1).toFixed(4) };
  return `PSNR ${psnr} dB, refined ${refined.psnr} dB; L1 ${l1}, refined ${refined.l1}${of}`;
}
