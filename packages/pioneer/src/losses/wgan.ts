import { grad, noGrad, scope, type Tensor } from "pioneer-torch";

/** What a discriminator says of images: [batch, 3, r, r] -> scores [batch]. */
export type Score = (x: Tensor) => Tensor;

/**
 * Mean over images of (|grad D(x)| - 1)², the norm over all pixels of an image: 0 where the score changes by 1 for each
 * unit of distance. Differentiable in D's parameters, so D must have a second derivative.
 * @param score the score of an image may depend on no other image of the batch
 * @param x     images [batch, 3, r, r] @returns scalar []
 * @see Gulrajani et al. 2017, arXiv:1704.00028, equation 3 (before its weight of 10)
 */
export function gradientPenalty(score: Score, x: Tensor): Tensor {
  return scope(() => {
    const at = noGrad(() => x.detach().clone()).requiresGrad_();
    const [slope] = grad(score(at).sum(), [at], { createGraph: true }) as [Tensor];
    return slope
      .reshape([slope.size(0), -1])
      .norm([1])
      .sub(1)
      .square()
      .mean();
  });
}

/**
 * Images between two batches: e x + (1 - e) y.
 * @param x, y  [batch, 3, r, r] @param e shares of x [batch, 1, 1, 1] in [0, 1) @returns [batch, 3, r, r]
 */
export const between = (x: Tensor, y: Tensor, e: Tensor): Tensor => scope(() => x.sub(y).mul(e).add(y));
