// What the server and the processes that compute say to each other.
import type { FacePoints, Strengths } from "pioneer-runtime";

/** Which model: its folder, and what changes when its files do. */
export interface ModelPlace {
  readonly folder: string;
  readonly version: string;
}

/** What images are given as: files of PNG, or RGBA bytes [count, r, r, 4] in one piece. */
export type ImageForm = "png" | "rgba";

export type Job =
  | { readonly kind: "encode"; readonly photo: Uint8Array; readonly face: FacePoints | undefined }
  /** images: [count, 3, r, r] in [-1, 1] */
  | { readonly kind: "encode-planes"; readonly images: Float32Array }
  /** latents: [count * latent] */
  | { readonly kind: "decode"; readonly latents: Float32Array; readonly form: ImageForm }
  | {
      readonly kind: "edit";
      readonly latents: Float32Array;
      readonly strengths: Strengths;
      readonly form: ImageForm;
    }
  | { readonly kind: "sample"; readonly count: number; readonly seed: number; readonly form: ImageForm };

export interface ToProcess {
  readonly model: ModelPlace;
  readonly job: Job;
  /** Threads of ONNX Runtime. */
  readonly threads: number;
}

export interface Computed {
  /** [count * latent] */
  readonly latents: Float32Array;
  readonly latent: number;
  readonly resolution: number;
  /** One piece for each image as PNG, one for all as RGBA, none of an encoding. */
  readonly images: readonly Uint8Array[];
}

export type FromProcess =
  | ({ readonly kind: "done" } & Computed)
  | { readonly kind: "failed"; readonly code: string; readonly message: string };
