// Directions from sorted pictures, on a thread of their own: the cross-validation takes a while.
import { type Taught, teach } from "pioneer-runtime";
import { answer } from "pioneer-runtime/internal";

let taught: Taught | undefined;

const handlers = {
  /** @param yes latents of pictures that have it @param no of those that do not */
  teach(yes: readonly Float32Array[], no: readonly Float32Array[], method: "mean" | "linear") {
    taught = teach({ yes, no }, method);
    return taught.direction;
  },
  /** What the newest direction says of latents: above 0 they seem to have it, near 0 it is unsure. */
  scores: (latents: readonly Float32Array[]): number[] => latents.map((latent) => taught?.score(latent) ?? 0),
};

export type TeachWorker = typeof handlers;

answer(handlers);
