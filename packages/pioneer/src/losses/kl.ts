import { ShapeError, scope, type Tensor } from "pioneer-torch";
import type { KlDirection } from "./choices.ts";

/** Mean and biased variance of each coordinate, [n], over the images of a batch, with gradients. */
export interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** @param z latents [batch, n] */
export type MomentsOf = (z: Tensor) => Moments;

/** Of a batch that lies here as a whole. */
export function momentsOfBatch(z: Tensor): Moments {
  if (z.size(0) < 2)
    throw new ShapeError(`klToPrior: expected z of shape [batch >= 2, n], got [${z.shape.join(", ")}]`);
  const mean = z.mean([0]);
  return { mean, variance: z.sub(mean).square().mean([0]) };
}

/**
 * Mean over latent dimensions of KL( N(m_j, s_j) || N(0, 1) ); m and s are taken over the (global) batch: how far the
 * encodings of a batch are from being spread like the prior.
 * @param z  latents [batch, n], batch >= 2; s is the biased variance
 * @param direction "pq" gives the mean of (1 + m²)/(2 s²) + ln s - 1/2: 0 at m = 0, s = 1 too, steep where s is small
 * @param moments where several processes share the batch: of all of it
 * @returns  scalar [], nats. Unit vectors cannot reach 0: uniform ones give (1/n + ln n - 1)/2 + about 1/batch
 * @throws   ShapeError if z is not 2-d or the batch is below 2
 * @see      PIONEER arXiv:1807.03026, equation 3, with the authors' constants; docs/deviations.md#kl
 */
export function klToPrior(z: Tensor, direction: KlDirection = "qp", moments: MomentsOf = momentsOfBatch): Tensor {
  if (z.shape.length !== 2) {
    throw new ShapeError(`klToPrior: expected z of shape [batch >= 2, n], got [${z.shape.join(", ")}]`);
  }
  return scope(() => {
    const { mean, variance } = moments(z);
    if (direction === "qp") {
      return variance.add(mean.square()).div(2).sub(variance.log().div(2)).sub(0.5).mean();
    }
    return mean.square().add(1).div(variance.square()).div(2).add(variance.log()).sub(0.5).mean();
  });
}
