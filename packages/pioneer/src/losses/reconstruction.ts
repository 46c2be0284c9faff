import { scope, type Tensor } from "pioneer-torch";
import { normalise } from "../networks/index.ts";
import type { Mismatch } from "./choices.ts";

/** Mean absolute difference. @param a, b of one shape @returns scalar [] */
export const l1 = (a: Tensor, b: Tensor): Tensor => scope(() => a.sub(b).abs().mean());

/** Mean squared difference. @param a, b of one shape @returns scalar [] */
export const l2 = (a: Tensor, b: Tensor): Tensor => scope(() => a.sub(b).square().mean());

/**
 * Mean over batch AND coordinates of (2 - a_i b_i): 2 - cos(a, b)/n averaged over the batch.
 * @param a, b latents [batch, n], rows of length 1 @returns scalar []
 * @see docs/algorithm.md, section 3: the effective weight on the cosine is 1/n of the term's
 */
export const cosineMismatch = (a: Tensor, b: Tensor): Tensor => scope(() => a.mul(b).mean().neg().add(2));

/** @param a, b latents [batch, n], rows of length 1 */
export const latentMismatch = (a: Tensor, b: Tensor, how: Mismatch): Tensor =>
  how === "cos" ? cosineMismatch(a, b) : how === "L1" ? l1(a, b) : l2(a, b);

/** @param a, b images [batch, 3, r, r]; for their cosine an image is one vector of all its pixels */
export const imageMismatch = (a: Tensor, b: Tensor, how: Mismatch): Tensor =>
  scope(() => {
    if (how !== "cos") return how === "L1" ? l1(a, b) : l2(a, b);
    const row = (x: Tensor) => normalise(x.reshape([x.size(0), -1]));
    return cosineMismatch(row(a), row(b));
  });
