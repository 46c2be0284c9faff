import type { Command } from "commander";
import { z } from "zod";
import { abortOnSignals } from "../../base/signals.ts";
import { number, oneOf, option, text, whole } from "../../config/option-schema.ts";
import { crop } from "../../config/shared-options.ts";
import { blockCount } from "../../networks/growth.ts";
import { addCommand } from "../options/options.ts";
import { sourceKind } from "../options/source-kind.ts";
import { showImages } from "../output/image-progress.ts";

const dumpSchema = z.strictObject({
  out: option(text("a folder to make"), { value: "DIR", description: "folder to make; one PNG an image" }),
  phase: option(whole(0, blockCount - 1).optional(), {
    value: "P",
    description: "growth level, images are 4 * 2^P wide",
    default: "the pack's resolution",
  }),
  alpha: option(number(0, 1).default(1), {
    value: "A",
    description: "weight of the newest block while it fades in",
  }),
  count: option(whole(1).optional(), {
    value: "N",
    description: "so many images, chosen by name and seed",
    default: "all of the split",
  }),
  split: option(text("a split, or all").default("train"), {
    value: "NAME",
    description: "train, test, another one of the data set's, or all",
  }),
  resize: option(
    oneOf(["pack", "authors"], {
      pack: "as we train",
      authors: "from the SOURCE, with the resizing of the paper's code; needs --phase",
    }).default("pack"),
    { value: "HOW", description: "how images come to their size" },
  ),
  source: option(sourceKind.default("auto"), {
    value: "KIND",
    description: "with --resize authors, what SOURCE is",
  }),
  crop: option(crop.optional(), {
    value: "HOW",
    description: "with --resize authors, the crop",
    default: "celeba for CelebA, else center",
  }),
  seed: option(whole(0).default(0), { value: "S", description: "seed of --count" }),
});

/** `pioneer dataset dump`. */
export function addDumpCommand(dataset: Command): void {
  addCommand(dataset, {
    name: "dump",
    summary: "write a pack's images as the network sees them at a phase and alpha, for FID sets",
    args: "<pack>",
    schema: dumpSchema,
    examples: [
      "dataset dump faces.pack --phase 3 --alpha 0.5 --count 10000 --out reals-32",
      "dataset dump celeba/ --resize authors --phase 5 --count 10000 --out reals-128",
    ],
    async run(options, [source = ""], { output }) {
      const { dumpImages } = await import("../../data/dump.ts");
      const { source: kind, ...rest } = options;
      const progress = showImages(output);
      const signal = abortOnSignals();
      try {
        const result = await dumpImages({ ...rest, kind, source, signal, onProgress: progress.update });
        progress.stop();
        const { resolution, skipped, files } = result;
        output.log(`wrote ${progress.summary()}`);
        for (const { name, reason } of skipped.slice(0, 10)) output.log(`skipped ${name} ${reason}`);
        output.wrote(
          [options.out],
          `look at ${options.out}; as many samples of a model to compare with: sample --count ${files.length}`,
        );
        output.result({ files: [options.out], images: files.length, resolution, skipped });
      } finally {
        progress.stop();
      }
      return undefined;
    },
  });
}
