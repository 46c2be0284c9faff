import { cat, type Tensor } from "pioneer-torch";
import type { EncoderOrder } from "../losses/choices.ts";

/**
 * Real and generated images through the encoder, which is prepared once for both, or for each of them (u then moves twice).
 * @param prepare the encoder as of now, images [n, 3, r, r] to one row or value for each
 * @returns what became of the real ones, and of the generated ones
 */
export function bothBatches(
  order: EncoderOrder,
  prepare: () => (images: Tensor) => Tensor,
  real: Tensor,
  generated: Tensor,
): [Tensor, Tensor] {
  if (order === "authors") return [prepare()(real), prepare()(generated)];
  const both = prepare()(cat([real, generated]));
  const count = real.size(0);
  return [both.narrow(0, 0, count), both.narrow(0, count, generated.size(0))];
}
