// The networks as plain layers, for another engine: equalised scale and spectral norm are folded into the weights.
import type { Tensor } from "pioneer-torch";

/** A convolution or a matrix: its used weight as stored, [out, in, h, w], and its bias [out]; float32. */
export interface FoldedLayer {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

export interface FoldedBlock {
  readonly first: FoldedLayer;
  readonly second: FoldedLayer;
}

export interface FoldedGenerator {
  /** From 4x4 up; the first block's first layer is the 4x4 convolution of the latent. */
  readonly blocks: readonly FoldedBlock[];
  readonly toRgb: FoldedLayer;
  /** While a block fades in: of the block before it. */
  readonly toRgbBefore: FoldedLayer | undefined;
}

export interface FoldedEncoder {
  /** From 4x4 up; the first block's second layer is the 4x4 convolution to one pixel. */
  readonly blocks: readonly FoldedBlock[];
  readonly fromRgb: FoldedLayer;
  /** While a block fades in: of the block before it. */
  readonly fromRgbBefore: FoldedLayer | undefined;
}
