// 3x3 convolutions of the same size, and which way they are computed.
import { conv2d } from "./ops.ts";
import { operator, type Tensor } from "./tensor.ts";

/**
 * `conv2d(x, weight, null, 1)` of a 3x3 kernel with 4/9 of the multiplications (native/winograd.cc). On the CPU, in float32 and
 * bfloat16, differentiable once. In bfloat16 the error is three times that of `conv2d`; in float32 it is as small.
 * @param x [batch, in, h, w], h and w even @param weight [out, in, 3, 3] @returns [batch, out, h, w], channels last
 * @throws TorchError for other sizes, dtypes and devices
 * @see Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016
 */
export const winogradConvolution = operator<[x: Tensor, weight: Tensor], Tensor>("pioneer::winograd_convolution");

/** With fewer channels, in or out, the passes around the products cost what the products gain (docs/design.md). */
const leastChannels = 256;

let winograd = false;

/** Whether `convolution3x3` goes Winograd's way where that is faster: for this process, off at first. */
export function setWinograd(enabled: boolean): void {
  winograd = enabled;
}

/** 3x3 convolution of the same size, without bias. @param x [batch, in, h, w] @param weight [out, in, 3, 3] */
export const convolution3x3 = (x: Tensor, weight: Tensor): Tensor =>
  winograd && gains(x, weight) ? winogradConvolution(x, weight) : conv2d(x, weight, null, 1);

function gains({ device, dtype, shape }: Tensor, weight: Tensor): boolean {
  const [, into = 0, height = 1, width = 1] = shape;
  const suits = device === "cpu" && dtype !== "float64" && height % 2 === 0 && width % 2 === 0;
  return suits && Math.min(into, weight.size(0)) >= leastChannels;
}
