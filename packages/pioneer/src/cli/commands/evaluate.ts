import { dirname } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { option, text, whole } from "../../config/option-schema.ts";
import { imageSource, precision } from "../../config/shared-options.ts";
import { defaultCount, metricNames } from "../../metrics/catalogue.ts";
import type { EvaluateProgress } from "../../metrics/evaluate.ts";
import { modelOptions } from "../options/model-options.ts";
import { networkOptions } from "../options/network-options.ts";
import { addCommand } from "../options/options.ts";
import { barOrLines, everyPart, type Progress } from "../output/bar-or-lines.ts";
import { formatMetrics } from "../output/metrics-table.ts";
import type { Output } from "../output/report.ts";

const listError = `a list of ${metricNames.join(",")}`;
const metricList = z.preprocess(
  (value) => (typeof value === "string" ? value.split(",").map((name) => name.trim()) : value),
  z.array(z.enum(metricNames, listError), listError).min(1, listError),
);
const network = text("an ONNX file").optional();

const { out: _, ...usedOptions } = modelOptions;
const group = "Networks";
const schema = z.strictObject({
  ...usedOptions,
  data: option(imageSource.optional(), {
    value: "PACK",
    description: "pack with real images, as large as the model's or larger",
    default: "what the model was trained on",
  }),
  metrics: option(metricList.optional(), {
    value: "LIST",
    description: `of ${metricNames.join(",")}`,
    default: "all whose network is given and whose images are large and many enough",
  }),
  count: option(whole(1, 1_000_000).optional(), {
    value: "N",
    description: "samples, and at most as many real images",
    note: "papers take 16384 (swd), 50000 (fid)",
    default: `${defaultCount} or what the data has`,
  }),
  seed: option(whole(0).default(0), {
    value: "S",
    description: "seed of the samples (those of `pioneer sample`), patches and directions",
  }),
  reference: option(text("a split of the pack").default("train"), {
    value: "SPLIT",
    description: "split that samples are compared with",
  }),
  heldOut: option(text("a split of the pack").default("test"), {
    value: "SPLIT",
    description: "split whose images are encoded and decoded",
  }),
  features: option(network, {
    value: "ONNX",
    group,
    description: "network from images to features, for fid, kid and pr",
  }),
  ...networkOptions("features", group, "the features"),
  lpips: option(network, {
    value: "ONNX",
    group,
    description: "network from two images to their distance, for lpips",
  }),
  ...networkOptions("lpips", group, "the distance"),
  precision: option(precision.default("fp32"), {
    value: "P",
    description: "what layers compute in",
    note: "bf16 is faster where the hardware has it, and changes the numbers in their third digit",
  }),
});

/** `pioneer evaluate`: how good a model is, in numbers. */
export function addEvaluateCommand(program: Command): void {
  addCommand(program, {
    name: "evaluate",
    summary: "measure a model: SWD, MS-SSIM, FID, reconstruction errors and others",
    schema,
    examples: [
      "evaluate --model runs/faces --data faces.pack",
      "evaluate --model runs/faces --metrics swd,rmse,latent --count 16384 --precision bf16",
      "evaluate --model runs/faces --metrics fid,kid,pr --features inception.onnx --count 50000",
    ],
    async run(options, _args, { output }) {
      const { evaluateModel } = await import("../../metrics/run.ts");
      const { showEvaluated } = await import("../../train/evaluated.ts");
      const progress = showEvaluation(output);
      try {
        const { checkpoint, values, notMeasured, record, file } = await evaluateModel({
          ...options,
          onProgress: ({ done, total, ...stage }) => progress.update(done, total, stage),
        });
        progress.stop();
        if (file !== undefined) showEvaluated(dirname(file), record);
        output.log(
          `${checkpoint}, ${record.images / 1000} kimg, ${record.resolution}x${record.resolution}, ${record.precision}`,
        );
        for (const line of formatMetrics(values)) output.log(line);
        for (const reason of notMeasured) output.log(`not measured: ${reason}`);
        if (file !== undefined) output.log(`added to ${file}`);
        output.result({ checkpoint, ...record, values, notMeasured, ...(file !== undefined && { files: [file] }) });
      } finally {
        progress.stop();
      }
      return undefined;
    },
  });
}

/** The images of all stages, and which stage it is. */
const showEvaluation = (output: Output): Progress<Pick<EvaluateProgress, "stage">> =>
  barOrLines(output, {
    bar: (done, total, { stage }) => [stage, `${done} of ${total} images`],
    line: (done, total, { stage }) => `${done} of ${total} images (${stage})`,
    due: everyPart(10),
  });
