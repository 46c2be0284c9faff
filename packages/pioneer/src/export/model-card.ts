// README.md of a model folder: what the model was made of, what it was measured to do, and what not to expect of it.
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { formatBytes, formatKimg } from "../base/format.ts";
import { readTextSync } from "../base/read.ts";
import { shellWord } from "../base/shell-word.ts";
import { isCheckpointName } from "../checkpoint/files.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { templateText } from "../config/face-template.ts";
import { metricsFile } from "../metrics/record.ts";
import { profileOf } from "../networks/kind.ts";
import type { WeightFormat } from "./graph-builder.ts";
import type { Quality } from "./quality.ts";

export interface CardFacts {
  readonly name: string;
  readonly state: CheckpointState;
  readonly dtype: WeightFormat;
  readonly files: Readonly<Record<string, { readonly bytes: number }>>;
  readonly quality: Quality | string;
  /** Of the run, of this very checkpoint. */
  readonly metrics: readonly MetricsLine[];
}

const lineSchema = z.looseObject({
  images: z.number(),
  resolution: z.number(),
  pack: z.string(),
  heldOut: z.string(),
  metrics: z.record(z.string(), z.number()),
  /** sha256 by option; lines of earlier versions do not say. */
  networks: z.record(z.string(), z.string()).optional(),
});
export type MetricsLine = z.infer<typeof lineSchema>;

/** What `evaluate` noted about this checkpoint on images of its own data that were held out; later lines win. */
export function readMetrics(run: string, { images, pack }: Pick<CheckpointState, "images" | "pack">): MetricsLine[] {
  const path = metricsFile(run);
  if (!existsSync(path)) return [];
  const lines = readTextSync(path)
    .split("\n")
    .flatMap((line) => {
      try {
        return lineSchema.parse(JSON.parse(line));
      } catch {
        return []; // cut off, or of another program
      }
    });
  return lines.filter((line) => line.images === images && line.pack === pack.id && line.heldOut === "test");
}

export function modelCard({ name, state, dtype, files, quality, metrics }: CardFacts): string {
  const { resolution, latent, channels, recipe, colour, pack, from, images, alpha, phase, version } = state;
  const isFading = phase > 0 && alpha < 1;
  const samplesOnly = state.networks.head;
  const rows = metricRows(metrics);
  const size = (file: string) => formatBytes(files[file]?.bytes ?? 0);
  const lines = [
    `# ${name}`,
    "",
    `A PIONEER model of ${colour === "grey" ? "grey " : ""}images of ${resolution}×${resolution}. ` +
      (samplesOnly
        ? `Its generator turns a point on the unit sphere in R^${latent} into an image. It has no encoder: it can sample, not reconstruct.`
        : `Its encoder turns an image into a point on the unit sphere in R^${latent}, its generator turns such a point into an image.`),
    "",
    "## Use",
    "",
    "```sh",
    ...(samplesOnly ? [] : [`pioneer reconstruct --model ${shellWord(name)} --out out photo.jpg`]),
    `pioneer sample --model ${shellWord(name)} --out out --count 16`,
    "```",
    "",
    "`pioneer` is the program that wrote this folder, PIONEER Networks in TypeScript; in a clone of its repository `npx pioneer`. (The npm package of that name is another.)",
    "",
    "Any ONNX Runtime can compute it; everything is float32:",
    "",
    "| file | input | output | |",
    "|---|---|---|---|",
    ...(samplesOnly
      ? []
      : [
          `| encoder.onnx | images [batch, 3, ${resolution}, ${resolution}], RGB in [-1, 1] | latents [batch, ${latent}], of length 1 | ${size("encoder.onnx")} |`,
        ]),
    `| generator.onnx | latents [batch, ${latent}], of length 1 | images [batch, 3, ${resolution}, ${resolution}], to be clamped to [-1, 1] | ${size("generator.onnx")} |`,
    "",
    `Photos: ${photosText(state)}, resized to ${resolution}×${resolution}${colour === "grey" ? ", made grey (one channel three times)" : ""}.`,
    "",
    "## Training",
    "",
    `- Data: \`${basename(pack.path)}\`, ${pack.trainImages} training images (id \`${pack.id.slice(0, 16)}\`).`,
    `- Recipe ${recipe}, latent ${latent}, channels ${channels}${profileOf(state.networks.channelBase)}; ${formatKimg(images)} thousand images shown.`,
    ...(from
      ? [
          `- Fine-tuned: the run began with the networks of \`${shortPath(from.path)}\` (${formatKimg(from.images)} thousand images, ${from.resolution}×${from.resolution}).`,
        ]
      : []),
    ...(isFading
      ? [
          `- The last resolution was still fading in (alpha ${alpha.toFixed(3)}); images are a blend with the one before.`,
        ]
      : []),
    `- Written by pioneer ${version}; weights stored as ${dtype}.`,
    "",
    "## Measured",
    "",
    ...(rows.length > 0
      ? ["| `pioneer evaluate` | |", "|---|---|", ...rows, ""]
      : ["`pioneer evaluate` has not been run on this checkpoint with held-out images of its own data.", ""]),
    ...(typeof quality !== "string"
      ? [
          `Reconstructions of ${quality.images} held-out images: PSNR ${quality.exported.toFixed(2)} dB with these weights (${dtype}), ` +
            `${quality.reference.toFixed(2)} dB in float32 before the export.`,
          "",
        ]
      : []),
    "## Limits",
    "",
    `- It knows images like those it was trained on, in a similar place in the picture. Others come out as something similar that it knows.`,
    ...(samplesOnly
      ? []
      : [`- A reconstruction resembles its photo and is not a copy of it. A face may come out as somebody else's.`]),
    `- What the training images lack or show unevenly (ages, skin, light, poses), the model lacks or shows unevenly too. Do not judge people by its output.`,
    `- The licence of the training images may limit what the model may be used for; it is not part of this folder.`,
    "",
  ];
  return lines.join("\n");
}

/** Metrics that a network of the user's computes, by its option: numbers of different networks cannot be compared. */
const computedBy = { features: /^(?:fid|kid|precision|recall)/, lpips: /^lpips/ };

/** A row for each number; later lines win. */
function metricRows(lines: readonly MetricsLine[]): string[] {
  const rows = new Map<string, string>();
  for (const { metrics, networks = {} } of lines) {
    for (const [name, value] of Object.entries(metrics)) {
      const [option] = Object.entries(computedBy).find(([, names]) => names.test(name)) ?? [];
      const digest = option === undefined ? undefined : networks[option];
      const by = digest === undefined ? "" : ` by the --${option} file with sha256 \`${digest.slice(0, 16)}\``;
      rows.set(name, `| ${name}${by} | ${Number(value.toPrecision(4))} |`);
    }
  }
  return [...rows.values()];
}

/** A run and its checkpoint, or a model: where on the machine they lie is not for others. */
const shortPath = (path: string): string =>
  path
    .split("/")
    .slice(isCheckpointName(basename(path)) ? -2 : -1)
    .join("/");

function photosText({ align, crop }: Pick<CheckpointState, "align" | "crop">): string {
  if (align === null) return cropText[crop];
  return `turned, scaled and moved so that eyes and mouth lie at ${templateText(align)} (left eye x,y, right eye x,y and mouth x,y in shares of the side; \`--align\`)`;
}

const cropText = {
  center: "cut to the middle square",
  none: "square already",
  celeba: "cut as the authors cut CelebA (178×218: short side to 128, middle square of 128)",
};
