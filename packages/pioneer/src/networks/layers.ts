// What the generator and the encoder are both made of.
import { conv2d, type DType, linear, scope, type Tensor } from "pioneer-torch";

/** Number format of convolutions and activations; statistics, norms and losses are float32 in either. */
export type Precision = "fp32" | "bf16" | "fp64";

const dtypes = { fp32: "float32", bf16: "bfloat16", fp64: "float64" } as const satisfies Record<Precision, DType>;

export const dtypeOf = (precision: Precision): DType => dtypes[precision];

/** A layer with its weights as this step uses them. */
export type Layer = (x: Tensor) => Tensor;

/** Makes a layer without bias of a weight [out, in, k, k]. */
export type Linear = (weight: Tensor, precision: Precision) => Layer;

/** Activations and weights lie channels last: what oneDNN's bf16 convolutions and the fused operators want. */
export const inComputeFormat = (x: Tensor, precision: Precision): Tensor =>
  scope(() => x.to(dtypeOf(precision)).contiguous("channelsLast"));

/** 3x3 convolution, same size; or 1x1. */
export const convolution: Linear = (weight, precision) => {
  const w = inComputeFormat(weight, precision);
  const padding = (weight.size(-1) - 1) / 2;
  return (x) => conv2d(x, w, null, padding);
};

/**
 * 4x4 convolution of a 1x1 image padded by 3: every output pixel sees the one input pixel through one tap, so it is a
 * matrix product. [batch, in] -> [batch, out, 4, 4]
 */
export const denseTo4x4: Linear = (weight, precision) => {
  const out = weight.size(0);
  // Output pixel (y, x) uses tap (3 - y, 3 - x); rows of the matrix are (y, x, out), which is channels last.
  const matrix = scope(() =>
    weight
      .flip([2, 3])
      .permute([2, 3, 0, 1])
      .reshape([16 * out, -1])
      .to(dtypeOf(precision)),
  );
  return (z) => scope(() => linear(z, matrix, null).reshape([-1, 4, 4, out]).permute([0, 3, 1, 2]));
};

/** 4x4 convolution without padding of a 4x4 image: a matrix product over all its pixels. [batch, in, 4, 4] -> [batch, out] */
export const denseFrom4x4: Linear = (weight, precision) => {
  const out = weight.size(0);
  const matrix = scope(() => weight.permute([0, 2, 3, 1]).reshape([out, -1]).to(dtypeOf(precision)));
  return (x) => scope(() => linear(x.permute([0, 2, 3, 1]).reshape([x.size(0), -1]), matrix, null));
};

/** Plain 1x1 convolution with bias, to or from RGB. */
export const rgbConvolution = (weight: Tensor, bias: Tensor, precision: Precision): Layer => {
  const w = inComputeFormat(weight, precision);
  const b = bias.to(dtypeOf(precision));
  return (x) => conv2d(x, w, b);
};

/** Rows of length 1, no epsilon. @param z [batch, n] */
export const normalise = (z: Tensor): Tensor => scope(() => z.div(z.norm([1], true)));
