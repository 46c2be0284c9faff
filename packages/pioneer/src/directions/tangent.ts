// Latents as flat vectors: the sphere's tangent space at their mean.
import type { Tensor } from "pioneer-torch";
import { scope, tensor } from "pioneer-torch";
import { rowsOf } from "./regression.ts";

/**
 * The logarithm of the sphere at the mean direction of the latents: each becomes the way there from the mean, as long as the
 * angle between the two.
 * @param latents [count * latent], rows of length 1
 * @param from rows whose mean it is; all by default
 * @returns [count, latent], float64; rows are perpendicular to the mean
 * @throws RangeError if the latents have no mean direction
 */
export function tangents(latents: Float32Array, latent: number, from?: readonly number[]): Tensor {
  return scope(() => tangentsAt(meanDirection(latents, latent, from), latents));
}

/** [latent], float64, of length 1. @throws RangeError as tangents */
export function meanDirection(latents: Float32Array, latent: number, from?: readonly number[]): Tensor {
  return scope(() => {
    const z = rowsOfLatents(latents, latent);
    const mean = (from ? rowsOf(z, from) : z).mean([0]);
    const length = mean.square().sum().sqrt().item();
    if (!(length > 1e-6))
      throw new RangeError(`${z.size(0)} latents have no mean direction: their mean has length ${length}`);
    return mean.div(length);
  });
}

/** The same logarithm at another place. @param pole [latent], float64, of length 1 */
export function tangentsAt(pole: Tensor, latents: Float32Array): Tensor {
  return scope(() => {
    const z = rowsOfLatents(latents, pole.size(0));
    const cosine = z.matmul(pole).clamp(-1, 1).reshape([-1, 1]);
    const across = z.sub(cosine.mul(pole));
    const sine = across.square().sum([1], true).sqrt();
    // Near the pole angle / sine is 1.
    return across.mul(angleOf(sine, cosine).div(sine.clamp(1e-12, null)));
  });
}

const rowsOfLatents = (latents: Float32Array, latent: number): Tensor =>
  tensor(Float64Array.from(latents), [latents.length / latent, latent]);

/** The angle in [0, π], exact for small ones, where the cosine alone is not. */
const angleOf = (sine: Tensor, cosine: Tensor): Tensor => {
  const y = sine.toTypedArray() as Float64Array;
  const x = cosine.toTypedArray() as Float64Array;
  return tensor(
    y.map((value, i) => Math.max(1e-12, Math.atan2(value, x[i] as number))),
    sine.shape,
  );
};
