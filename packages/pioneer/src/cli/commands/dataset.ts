import cliProgress from "cli-progress";
import type { Command } from "commander";
import { z } from "zod";
import type { PrepareProgress } from "../../data/prepare.ts";
import { exitCodes, PioneerError } from "../../errors.ts";
import { oneOf, option, resolution, text, toggle, whole } from "../../option-schema.ts";
import { describePack } from "../describe-pack.ts";
import { addCommand } from "../options.ts";
import type { Output } from "../report.ts";

const prepareSchema = z.strictObject({
  resolution: option(resolution().optional(), {
    value: "R",
    description:
      "width and height of the images, a power of two, 4 to 1024; default: the largest to 256 that hardly any photo is too small for",
  }),
  crop: option(oneOf(["center", "none", "celeba"]).default("center"), {
    value: "HOW",
    description: "center (default), none (photos that are not square are skipped), or celeba as its authors do",
  }),
  labels: option(text("a CSV file").optional(), {
    value: "CSV",
    description: "labels, first column the file; default: labels.csv in or beside the source",
  }),
  colour: option(oneOf(["auto", "rgb", "grey"]).default("auto"), {
    value: "KIND",
    description: "rgb, grey, or auto: grey where every image is (default)",
  }),
  limit: option(whole(1).optional(), {
    value: "N",
    description: "use at most this many images, chosen by name and seed; default: all",
  }),
  count: option(whole(1).optional(), { value: "N", description: "images to draw of procedural:faces; default 10000" }),
  seed: option(whole(0).default(0), { value: "S", description: "of procedural:faces and --limit, from 0; default 0" }),
  force: option(toggle().default(false), { description: "replace OUT.pack if it exists" }),
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

/** `pioneer dataset prepare|info`. */
export function addDatasetCommands(program: Command): void {
  const dataset = program
    .command("dataset")
    .description("make a data set into a pack, or look at one")
    .addHelpText("after", "\nExample:\n  $ pioneer dataset prepare photos/ photos.pack --resolution 64");
  addCommand(dataset, {
    name: "prepare",
    summary: "make a pack of an image folder, a tar or zip of images, or procedural:faces",
    args: "<source> <out>",
    schema: prepareSchema,
    examples: [
      "pioneer dataset prepare photos/ photos.pack --resolution 64",
      "pioneer dataset prepare procedural:faces faces.pack --resolution 64 --count 20000",
    ],
    async run(options, [source = "", out = ""], { output }) {
      const { prepareDataset } = await import("../../data/prepare.ts");
      const progress = showProgress(output);
      const { signal, terminated } = abortOnSignals();
      try {
        const result = await prepareDataset({ ...options, source, out, signal, onProgress: progress.update });
        progress.stop();
        if (result.resumedFrom > 0) output.log(`went on after ${result.resumedFrom} images that were done before`);
        const { value, lines } = await describePack(out, false);
        for (const line of lines) output.log(line);
        output.wrote([out], `pioneer train --data ${out} --run runs/train`);
        output.result({ files: [out], resumedFrom: result.resumedFrom, pack: value });
      } catch (error) {
        progress.stop();
        throw terminated() && error instanceof PioneerError
          ? new PioneerError("TERMINATED", error.message, exitCodes.terminated)
          : error;
      }
      return undefined;
    },
  });
  addCommand(dataset, {
    name: "info",
    summary: "what a pack holds",
    args: "<pack>",
    schema: infoSchema,
    examples: ["pioneer dataset info faces.pack --sheet sheet.png"],
    async run(options, [path = ""], { output }) {
      const { value, lines } = await describePack(path, options.verify);
      for (const line of lines) output.log(line);
      const files = options.sheet === undefined ? [] : [options.sheet];
      if (options.sheet !== undefined) await writeSheet(path, options.sheet);
      if (files.length > 0) output.wrote(files, `pioneer train --data ${path} --run runs/train`);
      output.result({ ...value, files });
      return undefined;
    },
  });
}

async function writeSheet(path: string, file: string): Promise<void> {
  const { packSheet } = await import("../../data/info.ts");
  const { composeGrid } = await import("../../images/grid.ts");
  const { writePlanes } = await import("../../images/photo.ts");
  const { writePng } = await import("../../images/png.ts");
  const { count, resolution, pixels } = packSheet(path, sheet.count);
  const size = 3 * resolution * resolution;
  const images = new Float32Array(count * size);
  for (let i = 0; i < images.length; i += size) {
    writePlanes(images.subarray(i, i + size), pixels.subarray(i, i + size));
  }
  await writePng(file, composeGrid(images, { resolution, columns: sheet.columns }));
}

/** A bar on a terminal, else a line every ten percent. */
function showProgress(output: Output): { update: (progress: PrepareProgress) => void; stop: () => void } {
  if (!output.stream.isTTY) {
    let shown = 0;
    const update = ({ done, total, skipped }: PrepareProgress) => {
      const tenth = Math.floor((10 * done) / total);
      if (tenth <= shown) return;
      shown = tenth;
      output.log(`${done} of ${total} images${skipped > 0 ? `, ${skipped} skipped` : ""}`);
    };
    return { update, stop: () => undefined };
  }
  const format = "{bar} {percentage} % | {value} of {total} images, {skipped} skipped | {eta_formatted} left";
  const bar = new cliProgress.SingleBar(
    { format, stream: output.stream, barsize: 24, hideCursor: true, fps: 4 },
    cliProgress.Presets.shades_classic,
  );
  const update = ({ done, total, skipped }: PrepareProgress) => {
    if (!bar.isActive) bar.start(total, done, { skipped });
    bar.update(done, { skipped });
  };
  return { update, stop: () => bar.stop() };
}

/** Ctrl-C and SIGTERM stop the work so that the same command goes on with it; a second Ctrl-C ends at once. */
function abortOnSignals(): { signal: AbortSignal; terminated: () => boolean } {
  const controller = new AbortController();
  let terminated = false;
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  });
  process.on("SIGTERM", () => {
    terminated = true;
    controller.abort();
  });
  return { signal: controller.signal, terminated: () => terminated };
}
