import cliProgress from "cli-progress";
import type { Command } from "commander";
import { z } from "zod";
import { oneOf, option, text, whole } from "../../config/option-schema.ts";
import { metricNames } from "../../metrics/catalogue.ts";
import type { EvaluateProgress } from "../../metrics/evaluate.ts";
import { modelOptions } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";
import { formatMetrics } from "../output/metrics-table.ts";
import type { Output } from "../output/report.ts";

const listError = `a list of ${metricNames.join(",")}`;
const metricList = z.preprocess(
  (value) => (typeof value === "string" ? value.split(",").map((name) => name.trim()) : value),
  z.array(z.enum(metricNames, listError), listError).min(1, listError),
);
const range = oneOf(["-1..1", "0..1", "0..255", "imagenet"]).optional();
const channels = oneOf(["rgb", "bgr"]).optional();
const network = text("an ONNX file").optional();

const { out: _, ...usedOptions } = modelOptions;
const schema = z.strictObject({
  ...usedOptions,
  data: option(text("a pack, an image folder, an archive, or procedural:faces").optional(), {
    value: "PACK",
    description: "pack with real images, as large as the model's or larger; default: what the model was trained on",
  }),
  metrics: option(metricList.optional(), {
    value: "LIST",
    description: `of ${metricNames.join(",")}; default: all whose network is given and whose images are large enough`,
  }),
  count: option(whole(1, 1_000_000).optional(), {
    value: "N",
    description:
      "samples, and at most as many real images; default 10000 or what the data has; papers take 16384 (swd), 50000 (fid)",
  }),
  seed: option(whole(0).default(0), {
    value: "S",
    description: "seed of the samples (those of `pioneer sample`), patches and directions, from 0; default 0",
  }),
  reference: option(text("a split of the pack").default("train"), {
    value: "SPLIT",
    description: "split that samples are compared with; default train",
  }),
  heldOut: option(text("a split of the pack").default("test"), {
    value: "SPLIT",
    description: "split whose images are encoded and decoded; default test",
  }),
  features: option(network, {
    value: "ONNX",
    group: "Networks",
    description: "network from images to features, for fid, kid and pr",
  }),
  featuresRange: option(range, {
    value: "RANGE",
    group: "Networks",
    description: "values it takes: -1..1, 0..1, 0..255 or imagenet; default: what its file says",
  }),
  featuresChannels: option(channels, {
    value: "ORDER",
    group: "Networks",
    description: "rgb or bgr; default: what its file says, else rgb",
  }),
  featuresLayer: option(text("an output of the network").optional(), {
    value: "NAME",
    group: "Networks",
    description: "output with the features, where there are several",
  }),
  lpips: option(network, {
    value: "ONNX",
    group: "Networks",
    description: "network from two images to their distance, for lpips",
  }),
  lpipsRange: option(range, { value: "RANGE", group: "Networks", description: "as --features-range" }),
  lpipsChannels: option(channels, { value: "ORDER", group: "Networks", description: "as --features-channels" }),
  lpipsLayer: option(text("an output of the network").optional(), {
    value: "NAME",
    group: "Networks",
    description: "output with the distance, where there are several",
  }),
  precision: option(oneOf(["auto", "bf16", "fp32"]).default("fp32"), {
    value: "P",
    description:
      "fp32 (default), bf16 (faster where the hardware has it), or auto; the numbers change in their third digit",
  }),
});

/** `pioneer evaluate`: how good a model is, in numbers. */
export function addEvaluateCommand(program: Command): void {
  addCommand(program, {
    name: "evaluate",
    summary: "measure a model: SWD, MS-SSIM, FID, reconstruction errors and others",
    schema,
    examples: [
      "pioneer evaluate --model runs/faces --data faces.pack",
      "pioneer evaluate --model runs/faces --metrics swd,rmse,latent --count 16384 --precision bf16",
      "pioneer evaluate --model runs/faces --metrics fid,kid,pr --features inception.onnx --count 50000",
    ],
    async run(options, _args, { output }) {
      const { evaluateModel } = await import("../../metrics/run.ts");
      const progress = showProgress(output);
      try {
        const { checkpoint, values, record, file } = await evaluateModel({ ...options, onProgress: progress.update });
        progress.stop();
        output.log(
          `${checkpoint}, ${record.images / 1000} kimg, ${record.resolution}x${record.resolution}, ${record.precision}`,
        );
        for (const line of formatMetrics(values)) output.log(line);
        if (file !== undefined) output.log(`added to ${file}`);
        output.result({ checkpoint, ...record, values, ...(file !== undefined && { files: [file] }) });
      } finally {
        progress.stop();
      }
      return undefined;
    },
  });
}

/** A bar on a terminal, else a line every ten percent. */
function showProgress(output: Output): { update: (progress: EvaluateProgress) => void; stop: () => void } {
  if (!output.stream.isTTY) {
    let shown = 0;
    const update = ({ stage, done, total }: EvaluateProgress) => {
      const tenth = Math.floor((10 * done) / total);
      if (tenth > shown) output.log(`${done} of ${total} images (${stage})`);
      shown = tenth;
    };
    return { update, stop: () => undefined };
  }
  const format = "{bar} {percentage} % | {value} of {total} images | {stage} | {eta_formatted} left";
  const bar = new cliProgress.SingleBar(
    { format, stream: output.stream, barsize: 24, hideCursor: true, fps: 4, etaBuffer: 50 },
    cliProgress.Presets.shades_classic,
  );
  const update = ({ stage, done, total }: EvaluateProgress) => {
    if (!bar.isActive) bar.start(total, done, { stage });
    bar.update(done, { stage });
  };
  return { update, stop: () => bar.stop() };
}
