// What the networks do beside convolutions. Two ways with the same mathematics: fused.ts, single passes over memory with one
// derivative, and composed.ts, of ATen operators, for any device and dtype, differentiable any number of times.
import type { DType, Tensor, WeightCopies } from "pioneer-torch";
import type { Linear } from "./layers.ts";

/** @param x [batch, c, h, w] or [batch, c], what a convolution without bias gave @param bias [c], float32 */
export type Activation = (x: Tensor, bias: Tensor) => Tensor;

/** A parameter as convolutions use it: times `scale`, in `dtype`, channels last. `copies` remembers it between uses. */
export type PrepareWeight = (weight: Tensor, scale: number, dtype: DType, copies?: WeightCopies) => Tensor;

export interface Passes {
  /**
   * LeakyReLU(PixelNorm(x + bias)): every pixel's channel vector is divided by sqrt(mean of its squares + 1e-8), THEN
   * activated. @see Karras et al. 2018, section 4.2
   */
  readonly pixelNormLeakyRelu: Activation;
  /** The same of what `upsampledConvolution` gives: [batch, 4c, h + 1, w + 1] -> [batch, c, 2h, 2w]. */
  readonly upsampledPixelNormLeakyRelu: Activation;
  /** LeakyReLU(x + bias). */
  readonly biasedLeakyRelu: Activation;
  /** The same of what `upsampledConvolution` gives: [batch, 4c, h + 1, w + 1] -> [batch, c, 2h, 2w]. */
  readonly upsampledLeakyRelu: Activation;
  /** 2x2 means of LeakyReLU(x + bias). */
  readonly pooledLeakyRelu: Activation;
  /** (1 - alpha) · before + alpha · now; a `before` of half the size is enlarged. */
  readonly fade: (before: Tensor, now: Tensor, alpha: number) => Tensor;

  /** 3x3 convolution of the same size, without bias. */
  readonly convolution: Linear;
  /**
   * The same of an image enlarged twofold, [batch, in, side, side] -> [batch, out, 2 side, 2 side], where it is chosen in place of an
   * `upsampledConvolution`.
   */
  readonly enlargingConvolution: (stored: Tensor, dtype: DType, side: number) => Linear | undefined;
  readonly scaled: PrepareWeight;
  /**
   * A 3x3 convolution of a picture enlarged twofold by repetition equals four 2x2 convolutions of the small one, one for
   * each of the four pixels that came of one: 4/9 of the work. [out, in, 3, 3] -> [4 out, in, 2, 2]
   */
  readonly upsampledKernel: PrepareWeight;
  /** @param x [batch, in, h, w] @param kernel from `upsampledKernel` @returns [batch, 4 out, h + 1, w + 1] */
  readonly upsampledConvolution: (x: Tensor, kernel: Tensor) => Tensor;
  /**
   * One power iteration: v = W'u/|W'u|, u' = Wv/|Wv|, sigma = u'·Wv with W as [out, rest]; no epsilon. Gradients flow
   * through v, u' and sigma alike; the incoming u is a constant.
   * @param weight [out, in, h, w] @param u [out, 1]
   * @returns weight / sigma in `dtype`, and u'
   * @see Miyato et al. 2018; docs/algorithm.md, section 2, for what the authors' code does
   */
  readonly spectralNorm: (weight: Tensor, u: Tensor, dtype: DType) => { weight: Tensor; u: Tensor };
}
