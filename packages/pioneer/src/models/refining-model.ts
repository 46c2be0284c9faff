import type { Model } from "pioneer-runtime/internal";
import type { DistanceOptions, ImageDistance } from "../onnx-torch/distance.ts";

/** LPIPS, or another distance of two images, as a part of what a refinement lowers. */
export interface PerceptualTerm {
  /** What one unit counts beside one of L1. */
  readonly weight: number;
  readonly distance: ImageDistance;
}

/** How the network of a term is read; all but the file has a default, or is said by the file. */
export type PerceptualOptions = Pick<DistanceOptions, "range" | "channels" | "layer">;

/** A model that can follow the gradient of its generator: one that libtorch computes. */
export interface RefiningModel extends Model {
  /**
   * @param images  [count, 3, r, r] in [-1, 1]
   * @param latents [count, latent], rows of length 1
   * @returns latents [count, latent] whose images are nearer by L1 and the term together, never farther
   */
  refine(
    images: Float32Array,
    latents: Float32Array,
    count: number,
    options: {
      readonly steps: number;
      readonly onStep?: () => void;
      readonly perceptual?: PerceptualTerm | undefined;
    },
  ): Promise<Float32Array>;

  /**
   * The network of `--refine-lpips`, on the model's device. The caller disposes of it.
   * @throws DataError, ConfigError: see `ImageDistance.open`
   */
  openDistance(path: string, options: PerceptualOptions): ImageDistance;
}
