import { dot } from "../vectors.ts";

/** The tangent space of the sphere at the mean direction of some latents, where they are flat vectors. */
export class TangentSpace {
  readonly #pole: Float64Array;

  /** @param latents rows of length 1 @throws RangeError if they have no mean direction */
  constructor(latents: readonly Float32Array[]) {
    const sum = new Float64Array(latents[0]?.length ?? 0);
    for (const latent of latents) for (const [i, value] of latent.entries()) sum[i] = (sum[i] as number) + value;
    const length = Math.sqrt(dot(sum, sum));
    if (!(length > 1e-6 * latents.length)) throw new RangeError(`${latents.length} latents have no mean direction`);
    this.#pole = sum.map((value) => value / length);
  }

  /** The way from the mean to a latent: perpendicular to the mean, as long as the angle between the two. */
  of(latent: Float32Array): Float64Array {
    const z = Float64Array.from(latent);
    const cosine = Math.max(-1, Math.min(1, dot(z, this.#pole)));
    const across = z.map((value, i) => value - cosine * (this.#pole[i] as number));
    const sine = Math.sqrt(dot(across, across));
    // Near the mean angle / sine is 1.
    const scale = Math.max(1e-12, Math.atan2(sine, cosine)) / Math.max(1e-12, sine);
    return across.map((value) => value * scale);
  }
}
