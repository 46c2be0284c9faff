import { normalizeLatents } from "./latent.ts";
import type { Model } from "./model.ts";

export interface RefineOptions {
  readonly signal?: AbortSignal;
  /** After each step: its number from 1 on, and the best error so far. */
  readonly onStep?: (step: number, error: number) => void;
}

export interface Refined {
  /** The best latent that was seen, [latent]. */
  readonly latent: Float32Array;
  /** Mean |difference| between its image and the image, in [-1, 1]. */
  readonly error: number;
  /** That of the latent it began with. */
  readonly firstError: number;
}

/** Steps this small change nothing that can be seen. */
const smallestStep = 1e-3;

/**
 * z <- normalise(z + k (E(x) - E(G(z)))): the encoder's error at G(z) is added, as it is about its error at x. k begins at
 * 1 and is halved when the image's error rises, going back to the best latent.
 * @param image [3, r, r] in [-1, 1]
 * @param start default E(x)
 * @param steps each one encoding and one decoding; it ends early where k is below 1/1000
 */
export async function refine(
  model: Pick<Model, "latent" | "encode" | "decode">,
  image: Float32Array,
  start: Float32Array | undefined,
  steps: number,
  { signal, onStep }: RefineOptions = {},
): Promise<Refined> {
  const target = await model.encode(image, 1);
  const look = async (latent: Float32Array) => {
    signal?.throwIfAborted();
    const made = await model.decode(latent, 1);
    return { latent, made, error: meanDifference(made, image) };
  };
  let best = await look(start ?? target);
  const firstError = best.error;
  let [step, seen] = [1, await model.encode(best.made, 1)];
  for (let count = 1; count <= steps && step >= smallestStep; count++) {
    const moved = best.latent.map((value, i) => value + step * ((target[i] as number) - (seen[i] as number)));
    const next = await look(normalizeLatents(moved, model.latent));
    if (next.error < best.error) [best, seen] = [next, await model.encode(next.made, 1)];
    else step /= 2;
    onStep?.(count, best.error);
  }
  return { latent: best.latent, error: best.error, firstError };
}

function meanDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length;
}
