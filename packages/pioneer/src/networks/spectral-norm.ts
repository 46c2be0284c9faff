import { scope, type Tensor } from "pioneer-torch";

/**
 * One power iteration: v = W'u/|W'u|, u' = Wv/|Wv|, sigma = u'·Wv with W as [out, rest]; no epsilon.
 * Gradients flow through v, u' and sigma alike; only the incoming u is a constant.
 * @param weight [out, in, h, w] @param u [out, 1]
 * @returns weight / sigma, and the new u (part of the graph)
 * @see Miyato et al. 2018; ALGORITHM section 2 for what the authors' code does
 */
export function spectralNorm(weight: Tensor, u: Tensor): { weight: Tensor; u: Tensor } {
  return scope(() => {
    const matrix = weight.reshape([weight.size(0), -1]);
    const backward = matrix.transpose(0, 1).matmul(u);
    const v = backward.div(backward.norm());
    const forward = matrix.matmul(v);
    const next = forward.div(forward.norm());
    const sigma = next.mul(forward).sum();
    return { weight: weight.div(sigma), u: next };
  });
}
