// 3x3 convolutions of the same size, and which way they are computed.
import type { DType } from "./dtype.ts";
import { conv2d } from "./ops.ts";
import { type Device, operator, type Tensor } from "./tensor.ts";

const winogradOp = operator<[x: Tensor, weight: Tensor, upsampled: boolean], Tensor>("pioneer::winograd_convolution");

/**
 * `conv2d(x, weight, null, 1)` of a 3x3 kernel with 4/9 of the multiplications (native/kernels/winograd). On the CPU, in float32 and
 * bfloat16, differentiable once. In bfloat16 the error is three times that of `conv2d`; in float32 it is as small.
 * @param x [batch, in, h, w], h and w even @param weight [out, in, 3, 3] @returns [batch, out, h, w], channels last
 * @throws TorchError for other sizes, dtypes and devices
 * @see Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016
 */
export const winogradConvolution = (x: Tensor, weight: Tensor): Tensor => winogradOp(x, weight, false);

/** The same of x enlarged twofold by repetition, with 1/4 of the multiplications. @returns [batch, out, 2h, 2w] */
export const upsampledWinogradConvolution = (x: Tensor, weight: Tensor): Tensor => winogradOp(x, weight, true);

/** Ways to compute a 3x3 convolution; in all of them it is the same function. */
export const convolutionForms = ["direct", "winograd"] as const;
export type ConvolutionForm = (typeof convolutionForms)[number];

/** A 3x3 convolution of the same size, or of an image enlarged twofold. */
export interface ConvolutionLayer {
  /** Channels. */
  readonly into: number;
  readonly out: number;
  /** Width and height of what it is given, before it is enlarged. */
  readonly side: number;
  readonly enlarging: boolean;
}

export type ChooseForm = (layer: ConvolutionLayer) => ConvolutionForm;

let choose: ChooseForm = () => "direct";

/** How convolutions are computed from now on in this process; at first all are direct. */
export function setConvolutions(form: ChooseForm): void {
  choose = form;
}

/** How a convolution is computed now: where there is no choice, directly. */
export const formOf = (device: Device, dtype: DType, layer: ConvolutionLayer): ConvolutionForm =>
  device === "cpu" && dtype !== "float64" ? choose(layer) : "direct";

/** 3x3 convolution of the same size, without bias. @param x [batch, in, h, w] @param weight [out, in, 3, 3] */
export function convolution3x3(x: Tensor, weight: Tensor): Tensor {
  const [, into = 0, height = 1, width = 1] = x.shape;
  const isEven = height % 2 === 0 && width % 2 === 0;
  const layer = { into, out: weight.size(0), side: width, enlarging: false };
  return isEven && formOf(x.device, x.dtype, layer) === "winograd"
    ? winogradConvolution(x, weight)
    : conv2d(x, weight, null, 1);
}
