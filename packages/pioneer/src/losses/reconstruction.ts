import { scope, type Tensor } from "pioneer-torch";

/** Mean absolute difference. @param a, b images [batch, 3, r, r] @returns scalar [] */
export const l1 = (a: Tensor, b: Tensor): Tensor => scope(() => a.sub(b).abs().mean());

/**
 * Mean over batch AND coordinates of (2 - a_i b_i): 2 - cos(a, b)/n averaged over the batch.
 * @param a, b latents [batch, n], rows of length 1 @returns scalar []
 * @see ALGORITHM section 8: the effective weight on the cosine is 1/n of the term's
 */
export const cosineMismatch = (a: Tensor, b: Tensor): Tensor => scope(() => a.mul(b).mean().neg().add(2));
