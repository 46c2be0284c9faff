// What the generator and the encoder are both made of.
import { conv2d, type DType, linear, type MemoryFormat, scope, type Tensor } from "pioneer-torch";

/** Number format of convolutions and activations; statistics, norms and losses are float32 in either. */
export type Precision = "fp32" | "bf16" | "fp64";

const dtypes = { fp32: "float32", bf16: "bfloat16", fp64: "float64" } as const satisfies Record<Precision, DType>;

export const dtypeOf = (precision: Precision): DType => dtypes[precision];

/**
 * How activations and weights lie in memory: bf16 convolutions are 1.5 times as fast channels last; float32 ones gain
 * nothing from it on a CPU, and row-major order keeps their rounding that of the authors' code.
 */
export const layoutOf = (precision: Precision): MemoryFormat => (precision === "bf16" ? "channelsLast" : "contiguous");

export const leakySlope = 0.2;

/** A layer with its weights as this step uses them. */
export type Layer = (x: Tensor) => Tensor;

const prepared = (weight: Tensor, precision: Precision) =>
  scope(() => weight.to(dtypeOf(precision)).contiguous(layoutOf(precision)));

/** 3x3 convolution, same size; or 1x1. @param weight [out, in, k, k] @param bias [out] */
export function convolution(weight: Tensor, bias: Tensor, precision: Precision): Layer {
  const w = prepared(weight, precision);
  const b = bias.to(dtypeOf(precision));
  const padding = (weight.size(-1) - 1) / 2;
  return (x) => conv2d(x, w, b, padding);
}

/**
 * 4x4 convolution of a 1x1 image padded by 3: every output pixel sees the one input pixel through one tap, so it is a
 * matrix product. @param weight [out, in, 4, 4] @returns [batch, in] -> [batch, out, 4, 4]
 */
export function denseTo4x4(weight: Tensor, bias: Tensor, precision: Precision): Layer {
  const out = weight.size(0);
  // Output pixel (y, x) uses tap (3 - y, 3 - x); rows of the matrix are (y, x, out), which is channels last.
  const matrix = scope(() =>
    weight
      .flip([2, 3])
      .permute([2, 3, 0, 1])
      .reshape([16 * out, -1])
      .to(dtypeOf(precision)),
  );
  const b = scope(() => bias.expand([16, out]).reshape([-1]).to(dtypeOf(precision)));
  return (z) =>
    scope(() => linear(z, matrix, b).reshape([-1, 4, 4, out]).permute([0, 3, 1, 2]).contiguous(layoutOf(precision)));
}

/**
 * 4x4 convolution without padding of a 4x4 image: a matrix product over all its pixels.
 * @param weight [out, in, 4, 4] @returns [batch, in, 4, 4] -> [batch, out]
 */
export function denseFrom4x4(weight: Tensor, bias: Tensor, precision: Precision): Layer {
  const out = weight.size(0);
  const matrix = scope(() => weight.permute([0, 2, 3, 1]).reshape([out, -1]).to(dtypeOf(precision)));
  const b = bias.to(dtypeOf(precision));
  return (x) => scope(() => linear(x.permute([0, 2, 3, 1]).reshape([x.size(0), -1]), matrix, b));
}

/** Rows of length 1, no epsilon. @param z [batch, n] */
export const normalise = (z: Tensor): Tensor => scope(() => z.div(z.norm([1], true)));
