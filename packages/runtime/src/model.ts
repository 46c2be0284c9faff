import type { FaceTemplate } from "./align.ts";

export const crops = ["center", "none", "celeba"] as const;
/** How photos were cropped to a square before they were resized: the middle, not at all (must be square), or the authors' crop of CelebA. */
export type Crop = (typeof crops)[number];

export const colours = ["rgb", "grey"] as const;
/** Colour of the images a model knows; grey photos are one channel repeated to three. */
export type Colour = (typeof colours)[number];

/** How a model saw its training images. */
export interface SeenAs {
  /** Width and height of its images, 4 · 2^phase. */
  readonly resolution: number;
  readonly colour: Colour;
  readonly crop: Crop;
  /** Where faces have eyes and mouth, if its training photos were aligned; else null. */
  readonly align: FaceTemplate | null;
}

/** A trained model in use, whichever engine computes it. */
export interface Model extends SeenAs {
  /** Dimension of its latent space. */
  readonly latent: number;
  /**
   * @param images [count, 3, r, r] in [-1, 1]
   * @returns latents [count, latent], rows of length 1
   */
  encode(images: Float32Array, count: number): Promise<Float32Array>;
  /**
   * @param latents [count, latent], rows of length 1
   * @returns images [count, 3, r, r], about [-1, 1], not clamped
   */
  decode(latents: Float32Array, count: number): Promise<Float32Array>;
  /** Frees the networks; the model must not be used afterwards. */
  dispose(): void;
}
