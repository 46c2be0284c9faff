import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { ConfigError } from "../../base/errors.ts";
import { abortOnSignals } from "../../base/signals.ts";
import { alignOptions } from "../../config/face-template.ts";
import { hourOfTraining } from "../../config/hour.ts";
import { option, resolution, text, toggle, whole } from "../../config/option-schema.ts";
import { maxPixelsOption } from "../../config/photo-limits.ts";
import { colour, crop } from "../../config/shared-options.ts";
import type { PrepareOptions } from "../../data/prepare.ts";
import { drawnFaces } from "../../data/sources/kinds.ts";
import { addCommand } from "../options/options.ts";
import { sourceKind } from "../options/source-kind.ts";
import { describePack } from "../output/describe-pack.ts";
import { showImages } from "../output/image-progress.ts";
import { showWork } from "../output/work-progress.ts";
import { addDumpCommand } from "./dataset-dump.ts";

const prepareSchema = z.strictObject({
  source: option(sourceKind.default("auto"), { value: "KIND", description: "what SOURCE is" }),
  resolution: option(resolution().optional(), {
    value: "R",
    description: "width and height of the images",
    default: "the largest to 256 that hardly any photo is too small for",
  }),
  crop: option(crop.optional(), {
    value: "HOW",
    description: "crop of the photos",
    note: "with none, those that are not square are skipped",
    default: "celeba for CelebA, else center",
  }),
  ...alignOptions,
  labels: option(text("a CSV file").optional(), {
    value: "CSV",
    description: "labels, first column the file",
    default: "labels.csv in or beside the source",
  }),
  colour: option(colour.default("auto"), { value: "KIND", description: "colour of the images" }),
  limit: option(whole(1).optional(), {
    value: "N",
    description: "use at most this many images, chosen by name and seed",
    default: "all",
  }),
  count: option(whole(1).optional(), {
    value: "N",
    description: "images to draw of a procedural source",
    default: String(drawnFaces),
  }),
  seed: option(whole(0).default(0), { value: "S", description: "seed of procedural sources and --limit" }),
  ...maxPixelsOption,
  force: option(toggle().default(false), { description: "replace OUT if it is a pack" }),
});

const infoSchema = z.strictObject({
  sheet: option(text("a PNG file").optional(), {
    value: "PNG",
    description: `also write a contact sheet, images spread evenly over the pack`,
  }),
  verify: option(toggle().default(false), { description: "read the pack whole and compare its checksums" }),
});

/** Images on a contact sheet, and per row. */
const sheet = { count: 64, columns: 8 };

/** `pioneer dataset prepare|info|dump`. */
export function addDatasetCommands(program: Command): void {
  const dataset = program
    .command("dataset")
    .description("make a data set into a pack, look at one, write out its images")
    .addHelpText(
      "after",
      () => `\nExample:\n  $ ${commandLine("dataset prepare photos/ photos.pack --resolution 64")}`,
    );
  addCommand(dataset, {
    name: "prepare",
    summary: "make a pack of an image folder, a tar or zip, CelebA, CelebA-HQ, LSUN, CIFAR-10, or drawn faces",
    args: "<source> <out>",
    schema: prepareSchema,
    examples: [
      "dataset prepare photos/ photos.pack --resolution 64",
      "dataset prepare photos/ faces.pack --resolution 64 --align faces",
      "dataset prepare photos/ faces.pack --resolution 64 --align points.csv",
      "dataset prepare celeba/ celeba.pack --resolution 128",
      "dataset prepare celebahq.h5 celebahq.pack --source celebahq --resolution 256",
      "dataset prepare cifar-10-python.tar.gz cifar.pack",
      "dataset prepare procedural:portraits faces.pack --resolution 64 --count 20000",
    ],
    async run(options, [source = "", out = ""], { output }) {
      const { prepareDataset } = await import("../../data/prepare.ts");
      const finding = showWork(output, "photos searched for faces");
      let progress = showImages(output);
      const signal = abortOnSignals();
      const told: Pick<PrepareOptions, "onFinding" | "onProgress"> = {
        onFinding(done, total) {
          finding.update(done, total);
          // The speed of packing is that from here on.
          if (done === total) progress = showImages(output);
        },
        onProgress: (packed) => progress.update(packed),
      };
      try {
        const { source: kind, ...rest } = options;
        const result = await prepareDataset({ ...rest, kind, source, out, signal, ...told });
        progress.stop();
        output.log(`packed ${progress.summary()}`);
        if (result.resumedFrom > 0) output.log(`went on after ${result.resumedFrom} images that were done before`);
        const { value, lines } = await describePack(out, false);
        for (const line of lines) output.log(line);
        output.wrote([out], commandLine(hourOfTraining(out, "runs/train")));
        output.result({ files: [out], resumedFrom: result.resumedFrom, pack: value });
      } finally {
        finding.stop();
        progress.stop();
      }
      return undefined;
    },
  });
  addCommand(dataset, {
    name: "info",
    summary: "what a pack holds",
    args: "<pack>",
    schema: infoSchema,
    examples: ["dataset info faces.pack --sheet sheet.png"],
    async run(options, [path = ""], { output }) {
      if (options.sheet !== undefined && !/\.png$/i.test(options.sheet)) {
        throw new ConfigError(`--sheet ${options.sheet}: a contact sheet is a PNG, give it a name that ends in .png`);
      }
      const { value, lines } = await describePack(path, options.verify);
      for (const line of lines) output.log(line);
      const files = options.sheet === undefined ? [] : [options.sheet];
      if (options.sheet !== undefined) await writeSheet(path, options.sheet);
      if (files.length > 0) output.wrote(files, commandLine(hourOfTraining(path, "runs/train")));
      output.result({ ...value, files });
      return undefined;
    },
  });
  addDumpCommand(dataset);
}

async function writeSheet(path: string, file: string): Promise<void> {
  const { packSheet } = await import("../../data/pack/info.ts");
  const { composeGrid } = await import("../../pictures/grid.ts");
  const { writePlanes } = await import("pioneer-runtime/internal");
  const { writePng } = await import("../../pictures/png.ts");
  const { count, resolution, pixels } = packSheet(path, sheet.count);
  const size = 3 * resolution * resolution;
  const images = new Float32Array(count * size);
  for (let i = 0; i < images.length; i += size) {
    writePlanes(images.subarray(i, i + size), pixels.subarray(i, i + size));
  }
  await writePng(file, composeGrid(images, { resolution, columns: sheet.columns }));
}
