// Directions from sorted pictures, on a thread of their own: the cross-validation takes a while.
import { latentRow, type Taught, teach } from "pioneer-runtime";
import { answer, principalDirections } from "pioneer-runtime/internal";

let taught: Taught | undefined;

const handlers = {
  /** @param yes latents of pictures that have it @param no of those that do not */
  teach(yes: readonly Float32Array[], no: readonly Float32Array[], method: "mean" | "linear") {
    taught = teach({ yes, no }, method);
    return taught.direction;
  },
  /** @param latents [count * dimension] @param features of their pictures, a row for each */
  components(latents: Float32Array, features: readonly Float32Array[], count: number) {
    const dimension = latents.length / features.length;
    const rows = features.map((_, i) => latentRow(latents, dimension, i));
    return principalDirections(rows, features, count);
  },
  /** What the newest direction says of latents: above 0 they seem to have it, near 0 it is unsure. */
  scores: (latents: readonly Float32Array[]): number[] => latents.map((latent) => taught?.score(latent) ?? 0),
};

export type TeachWorker = typeof handlers;

answer(handlers);
