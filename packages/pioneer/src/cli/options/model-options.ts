import type { Model } from "pioneer-runtime/internal";
import type { z } from "zod";
import { ConfigError } from "../../base/errors.ts";
import { flagOf, oneOf, option, positive, text, whole } from "../../config/option-schema.ts";
import { device, threads } from "../../config/shared-options.ts";
import type { RefineAllOptions } from "../../images/refine.ts";
import { engines } from "../../models/engines.ts";
import type { ModelOptions } from "../../models/open-model.ts";
import { networkOptions } from "./network-options.ts";

/** Of --refine-lpips-weight. */
const defaultWeight = 1;

/** Options of every command that uses a trained model. */
export const modelOptions = {
  model: option(text("a run, one of its checkpoints, or a model folder"), {
    value: "MODEL",
    description:
      "a run (its newest checkpoint is used), one of its checkpoints (RUN/best: see train --evaluate-every), or a model folder",
  }),
  out: option(text("a folder for the pictures"), {
    value: "DIR",
    description: "folder for the pictures, made if missing",
  }),
  engine: option(oneOf(engines).optional(), {
    value: "E",
    description: "what computes it",
    default: "torch for a run, onnx for a model folder",
  }),
  device: option(device.default("auto"), { value: "D", description: "where torch computes" }),
  threads: option(threads.optional(), { value: "T", description: "threads", default: "all cores that may be used" }),
};

const group = "Perceptual refinement";

/** Of the commands that encode photos. */
export const refineOptions = {
  refine: option(whole(0, 100_000).default(0), {
    value: "STEPS",
    description: "improve each latent by this many gradient steps",
    note: "100 is a good number",
  }),
  refineLpips: option(text("an ONNX file").optional(), {
    value: "ONNX",
    group,
    description: "network from two images to their distance, to be lowered beside L1: the file of evaluate --lpips",
  }),
  refineLpipsWeight: option(positive(1e6).optional(), {
    value: "W",
    group,
    description: "what one unit of it counts beside one of L1",
    default: String(defaultWeight),
  }),
  ...networkOptions("refineLpips", group, "the distance"),
};

export type RefineOptions = z.infer<z.ZodObject<typeof refineOptions>>;

/**
 * Opens a model that may refine, and the network beside it, for as long as `work` takes; no photo is read before both are there.
 * @throws ConfigError if the options of refinement do not fit together, or the model has no gradients
 */
export async function withRefinement<T>(
  options: ModelOptions & RefineOptions & { readonly model: string },
  work: (model: Model, refinement: RefineAllOptions) => Promise<T>,
): Promise<T> {
  const { refine, refineLpips: file, refineLpipsWeight: weight = defaultWeight } = options;
  const [first] = Object.keys(refineOptions).filter(
    (key) => key.startsWith("refineLpips") && options[key as keyof RefineOptions] !== undefined,
  );
  if (first !== undefined && file === undefined)
    throw new ConfigError(`${flagOf(first)} needs --refine-lpips FILE.onnx`);
  if (first !== undefined && refine === 0) throw new ConfigError(`--refine-lpips needs steps: give --refine 100 too`);
  return withModel(options, async (model) => {
    if (file === undefined) return work(model, { refine });
    const { refining } = await import("../../images/refine.ts");
    const { refineLpipsRange: range, refineLpipsChannels: channels, refineLpipsLayer: layer } = options;
    const distance = refining(model, refine).openDistance(file, { range, channels, layer });
    try {
      return await work(model, { refine, perceptual: { weight, distance } });
    } finally {
      distance.dispose();
    }
  });
}

/** Opens a model for as long as `work` takes. */
export async function withModel<T>(
  { model: path, ...options }: ModelOptions & { readonly model: string },
  work: (model: Model) => Promise<T>,
): Promise<T> {
  const { openAnyModel } = await import("../../models/open-model.ts");
  const model = await openAnyModel(path, options);
  try {
    return await work(model);
  } finally {
    model.dispose();
  }
}
