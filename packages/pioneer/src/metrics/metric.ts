// What a metric is: what it needs, and how it takes of passing images what it needs. Each is a file; catalogue.ts lists them.
import type { Tensor } from "pioneer-torch";
import type { OnnxNetwork } from "./onnx-network.ts";
import type { Subject } from "./subject.ts";

export interface MetricNeeds {
  /** An ONNX network given by the user, named by its option. */
  readonly network?: "features" | "lpips";
  /** Samples of the model. */
  readonly samples?: true;
  /** Real images to compare samples with. */
  readonly reals?: true;
  /** Just as many real images as samples. */
  readonly asManyReals?: true;
  /** Images to encode and decode. */
  readonly heldOut?: true;
  /** Fewest images: samples, reals where they are needed, and held-out ones. */
  readonly images: number;
  /** More images than the feature network has values, and what to do for which there are too few. */
  readonly moreThanFeatures?: { readonly mend: string };
  /** Smallest width and height. */
  readonly resolution?: number;
}

/** One number of the result. */
export interface MetricValue {
  /** Where the value depends on how many images there are, their number stands in the name: swd16k, fid50k. */
  readonly name: string;
  readonly value: number;
  /** Which way a better model moves it; "near" a number that stands in `target`. */
  readonly better: "lower" | "higher" | "near";
  readonly target?: number;
  /** Images it was computed from: samples, or images encoded. */
  readonly images: number;
}

export interface Metric {
  readonly needs: MetricNeeds;
  /** @throws DataError if the disk has no room for what it keeps of the images */
  readonly begin: (evaluation: Evaluation) => Promise<Measuring>;
}

/** What a metric knows when it begins. */
export interface Evaluation {
  readonly subject: Subject;
  /** Images that will pass. */
  readonly counts: { readonly samples: number; readonly reals: number; readonly heldOut: number };
  /** Of latents, patches, directions and subsets. */
  readonly seed: number;
  readonly networks: { readonly features?: OnnxNetwork | undefined; readonly lpips?: OnnxNetwork | undefined };
  /** The one accumulator that `begin` makes, whichever metrics ask for it: it sees the images once. */
  readonly shared: <T extends Accumulator>(begin: (evaluation: Evaluation) => Promise<T>) => Promise<T>;
  /** Disposes of it when the evaluation ends, in whatever way. */
  readonly own: <T extends { dispose(): void }>(owned: T) => T;
}

/** Sees all images in batches: first samples, then real images, then held-out ones. Tensors are freed with their batch. */
export interface Accumulator {
  readonly seeSamples?: (samples: Samples) => Promise<void> | void;
  readonly seeReals?: (reals: Pictures) => Promise<void> | void;
  readonly seeHeldOut?: (heldOut: HeldOut) => Promise<void> | void;
}

/** An accumulator that says numbers in the end. */
export interface Measuring extends Accumulator {
  readonly values: () => MetricValue[];
}

export interface Pictures {
  /** [n, 3, r, r], uint8: as PNG files hold them. */
  readonly pictures: Tensor;
  /** [n, width]: what the network `features` says of them. Computed once a batch. */
  readonly features: () => Promise<Tensor>;
}

export interface Samples extends Pictures {
  /** Latents [n, latent], and what the generator made of them [n, 3, r, r], not clamped. */
  readonly z: Tensor;
  readonly x: Tensor;
}

export interface HeldOut {
  /** Encodings [n, latent]. */
  readonly z: Tensor;
  /** Images, and what their latents decode to, [n, 3, r, r], uint8. The latter is computed once a batch. */
  readonly original: Tensor;
  readonly decoded: () => Promise<Tensor>;
}

/** 10000 -> "10k"; 16384 -> "16k", as the paper has it; 1500 -> "1500". */
function countName(count: number): string {
  if (count === 16384) return "16k";
  return count >= 1000 && count % 1000 === 0 ? `${count / 1000}k` : String(count);
}

/** A number that depends on how many samples there are. @param part follows that number in the name */
export const ofSamples = (
  { counts: { samples } }: Evaluation,
  name: string,
  value: number,
  better: "lower" | "higher",
  part = "",
): MetricValue => ({ name: `${name}${countName(samples)}${part}`, value, better, images: samples });

export const ofHeldOut = (
  { counts: { heldOut } }: Evaluation,
  name: string,
  value: number,
  better: "lower" | "higher",
): MetricValue => ({ name, value, better, images: heldOut });
