import type { Model } from "pioneer-runtime/internal";
import { ConfigError } from "../base/errors.ts";
import type { PerceptualTerm, RefiningModel } from "../models/refining-model.ts";
import { imageSize } from "./batches.ts";

export interface RefineAllOptions {
  /** Gradient steps; 0 (default) leaves the latents as they are. */
  readonly refine?: number | undefined;
  /** Counts beside L1. */
  readonly perceptual?: PerceptualTerm | undefined;
  /** Told the steps done, of how many; a step moves some latents at once, at most 32. */
  readonly onRefine?: ((done: number, total: number) => void) | undefined;
}

/** Images refined at once where no network sees them: a step holds every activation of theirs. */
const atOnce = ({ resolution }: Model) => Math.max(1, Math.min(32, 2 ** 17 / resolution ** 2));

/**
 * Improves latents of images by gradient steps, some images at a time.
 * @param images  [n, 3, r, r] in [-1, 1]
 * @param latents [n, latent], theirs
 * @throws ConfigError if the model has no gradients
 */
export async function refineAll(
  model: Model,
  images: Float32Array,
  latents: Float32Array,
  { refine: steps = 0, onRefine, perceptual }: RefineAllOptions,
): Promise<Float32Array> {
  if (steps === 0) return latents;
  const able = refining(model, steps);
  const { latent } = model;
  const size = imageSize(model);
  const total = latents.length / latent;
  const refined = new Float32Array(latents.length);
  const batch = perceptual?.distance.atOnce ?? atOnce(model);
  let done = 0;
  const onStep = () => onRefine?.(++done, steps * Math.ceil(total / batch));
  for (let start = 0; start < total; start += batch) {
    const end = Math.min(start + batch, total);
    const [x, z] = [images.slice(start * size, end * size), latents.slice(start * latent, end * latent)];
    refined.set(await able.refine(x, z, end - start, { steps, onStep, perceptual }), start * latent);
  }
  return refined;
}

const hasGradients = (model: Model): model is RefiningModel => "refine" in model;

/** @throws ConfigError if the model has no gradients */
export function refining(model: Model, steps: number): RefiningModel {
  if (hasGradients(model)) return model;
  throw new ConfigError(
    `--refine ${steps}: ONNX Runtime, which computes this model, gives no gradients; give --model the run it was exported from, ` +
      "or, if the folder has model.safetensors, --engine torch",
  );
}
