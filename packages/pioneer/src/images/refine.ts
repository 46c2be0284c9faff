import type { Model } from "pioneer-runtime";
import { ConfigError } from "../errors.ts";
import { imageSize } from "./batches.ts";

/** A model that can follow the gradient of its generator: one that libtorch computes. */
export interface RefiningModel extends Model {
  /**
   * @param images  [count, 3, r, r] in [-1, 1]
   * @param latents [count, latent], rows of length 1
   * @returns latents [count, latent] whose images are nearer, never farther
   */
  refine(
    images: Float32Array,
    latents: Float32Array,
    count: number,
    options: { readonly steps: number; readonly onStep?: () => void },
  ): Promise<Float32Array>;
}

export interface RefineAllOptions {
  /** Gradient steps; 0 (default) leaves the latents as they are. */
  readonly refine?: number | undefined;
  /** Told the steps done, of how many; a step moves up to 32 latents. */
  readonly onRefine?: ((done: number, total: number) => void) | undefined;
}

/** Images refined at once. */
const batch = 32;

/**
 * Improves encodings of images by gradient steps, some images at a time.
 * @param images  [n, 3, r, r] in [-1, 1]
 * @param latents [n, latent], their encodings
 * @throws ConfigError if the model has no gradients
 */
export async function refineAll(
  model: Model,
  images: Float32Array,
  latents: Float32Array,
  { refine: steps = 0, onRefine }: RefineAllOptions,
): Promise<Float32Array> {
  if (steps === 0) return latents;
  if (!hasGradients(model)) {
    throw new ConfigError(
      `--refine ${steps}: ONNX Runtime, which computes this model, gives no gradients; give --model the run it was exported from, ` +
        "or, if the folder has model.safetensors, --engine torch",
    );
  }
  const { latent } = model;
  const size = imageSize(model);
  const total = latents.length / latent;
  const refined = new Float32Array(latents.length);
  let done = 0;
  const onStep = () => onRefine?.(++done, steps * Math.ceil(total / batch));
  for (let start = 0; start < total; start += batch) {
    const end = Math.min(start + batch, total);
    const [x, z] = [images.slice(start * size, end * size), latents.slice(start * latent, end * latent)];
    refined.set(await model.refine(x, z, end - start, { steps, onStep }), start * latent);
  }
  return refined;
}

const hasGradients = (model: Model): model is RefiningModel => "refine" in model;
