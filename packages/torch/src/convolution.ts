// 3x3 convolutions of the same size, and which way they are computed.
import type { DType } from "./dtype.ts";
import { conv2d } from "./ops.ts";
import { type Device, operator, type Tensor } from "./tensor.ts";

const winogradOp = operator<[x: Tensor, weight: Tensor, upsampled: boolean], Tensor>("pioneer::winograd_convolution");

/**
 * `conv2d(x, weight, null, 1)` of a 3x3 kernel with 4/9 of the multiplications (native/kernels/winograd). On the CPU, in float32 and
 * bfloat16, differentiable once. In bfloat16 the error is two to three times that of `conv2d`; in float32 it is about as small.
 * @param x [batch, in, h, w], h and w even @param weight [out, in, 3, 3] @returns [batch, out, h, w], channels last
 * @throws TorchError for other sizes, dtypes and devices
 * @see Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016
 */
export const winogradConvolution = (x: Tensor, weight: Tensor): Tensor => winogradOp(x, weight, false);

/** The same of x enlarged twofold by repetition, with 1/4 of the multiplications. @returns [batch, out, 2h, 2w] */
export const upsampledWinogradConvolution = (x: Tensor, weight: Tensor): Tensor => winogradOp(x, weight, true);

/** Forms of the passes of a 3x3 convolution; in all of them it is the same function. */
export const convolutionForms = ["direct", "winograd", "taps"] as const;
export type ConvolutionForm = (typeof convolutionForms)[number];

/** The form of each pass. Taps is one of the gradient of the kernel: a matrix product for each tap (native/kernels/taps). */
export interface PassForms {
  readonly forward: "direct" | "winograd";
  /** Of the gradient of x. */
  readonly toData: "direct" | "winograd";
  /** Of that of the kernel. */
  readonly toWeights: ConvolutionForm;
}

/** Of a layer: taps stands for direct passes beside it. */
export type LayerForm = ConvolutionForm | PassForms;

/** The passes of a layer whose form is taps. */
export const tapForms: PassForms = { forward: "direct", toData: "direct", toWeights: "taps" };

const mixedOp = operator<[x: Tensor, weight: Tensor, forward: string, toData: string, toWeights: string], Tensor>(
  "pioneer::mixed_convolution",
);

/**
 * `conv2d(x, weight, null, 1)` of a 3x3 kernel with each pass in a form of its own; differentiable once.
 * @param x [batch, in, h, w], h and w even where a pass is Winograd's @param weight [out, in, 3, 3]
 * @throws TorchError for other sizes, dtypes and devices
 */
export const mixedConvolution = (x: Tensor, weight: Tensor, { forward, toData, toWeights }: PassForms): Tensor =>
  mixedOp(x, weight, forward, toData, toWeights);

/** A 3x3 convolution of the same size, or of an image enlarged twofold. */
export interface ConvolutionLayer {
  /** Channels. */
  readonly into: number;
  readonly out: number;
  /** Width and height of what it is given, before it is enlarged. */
  readonly side: number;
  readonly enlarging: boolean;
}

/** An enlarging layer is direct or Winograd's in all passes: what is neither is taken for direct. */
export type ChooseForm = (layer: ConvolutionLayer) => LayerForm;

let choose: ChooseForm = () => "direct";

/** How convolutions are computed from now on in this process; at first all are direct. */
export function setConvolutions(form: ChooseForm): void {
  choose = form;
}

/** How a convolution is computed now: where there is no choice, directly. */
export const formOf = (device: Device, dtype: DType, layer: ConvolutionLayer): LayerForm =>
  device === "cpu" && dtype !== "float64" ? choose(layer) : "direct";

/** 3x3 convolution of the same size, without bias. @param x [batch, in, h, w] @param weight [out, in, 3, 3] */
export function convolution3x3(x: Tensor, weight: Tensor): Tensor {
  const [, into = 0, height = 1, width = 1] = x.shape;
  const isEven = height % 2 === 0 && width % 2 === 0;
  const layer = { into, out: weight.size(0), side: width, enlarging: false };
  const form = isEven ? formOf(x.device, x.dtype, layer) : "direct";
  if (form === "direct") return conv2d(x, weight, null, 1);
  if (form === "winograd") return winogradConvolution(x, weight);
  return mixedConvolution(x, weight, form === "taps" ? tapForms : form);
}
