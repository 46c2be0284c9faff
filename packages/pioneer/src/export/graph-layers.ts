// Layers of the networks as nodes of a graph. Each takes the name of its input and returns that of its output.
import type { Tensor } from "pioneer-torch";
import { epsilon, slope } from "../networks/constants.ts";
import type { FoldedLayer } from "../networks/folded.ts";
import { kernelOfRgb } from "../networks/layers.ts";
import type { GraphBuilder } from "./graph-builder.ts";

/** 3x3 convolution with bias, same size. */
export function convolution(build: GraphBuilder, name: string, x: string, { weight, bias }: FoldedLayer): string {
  const inputs = [x, build.weight(`${name}.weight`, weight, 0), build.tensor(`${name}.bias`, bias)];
  return build.node(name, "Conv", inputs, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
}

/**
 * 3x3 convolution of what from_rgb makes of a picture, as one of the picture itself: a fourth channel of ones carries from_rgb's
 * bias, which ends where the picture ends.
 */
export function convolutionOfRgb(
  build: GraphBuilder,
  name: string,
  x: string,
  { weight, bias }: FoldedLayer,
  fromRgb: FoldedLayer,
): string {
  const sides = build.integers(`${name}.sides`, [0, 0, 0, 0, 0, 1, 0, 0]);
  const ones = build.node(`${name}.ones`, "Pad", [x, sides, build.constant(`${name}.one`, [1], [])]);
  return convolution(build, name, ones, { weight: kernelOfRgb(weight, fromRgb.weight, fromRgb.bias), bias });
}

/** 1x1 convolution with bias, to or from RGB. */
export function rgbConvolution(build: GraphBuilder, name: string, x: string, { weight, bias }: FoldedLayer): string {
  const inputs = [x, build.weight(`${name}.weight`, weight, 0), build.tensor(`${name}.bias`, bias)];
  return build.node(name, "Conv", inputs, { kernel_shape: [1, 1] });
}

/** The 4x4 convolution of a latent, as a matrix product: [batch, in] -> [batch, out, 4, 4]. */
export function denseTo4x4(build: GraphBuilder, name: string, z: string, { weight, bias }: FoldedLayer): string {
  const [out, into] = weight.shape as [number, number];
  // Output pixel (y, x) sees the latent through tap (3 - y, 3 - x).
  const matrix = weight
    .flip([2, 3])
    .permute([1, 0, 2, 3])
    .reshape([into, 16 * out]);
  const flat = matrixProduct(
    build,
    `${name}.product`,
    z,
    matrix,
    bias.reshape([out, 1]).expand([out, 16]).reshape([-1]),
  );
  return build.reshape(name, flat, [-1, out, 4, 4]);
}

/** The 4x4 convolution to one pixel, as a matrix product: [batch, in, 4, 4] -> [batch, out]. */
export function denseFrom4x4(build: GraphBuilder, name: string, x: string, { weight, bias }: FoldedLayer): string {
  const [out, into] = weight.shape as [number, number];
  const flat = build.reshape(`${name}.flat`, x, [-1, 16 * into]);
  return matrixProduct(build, name, flat, weight.reshape([out, 16 * into]).transpose(0, 1), bias);
}

/** @param matrix [in, out] @param bias [out] */
function matrixProduct(build: GraphBuilder, name: string, x: string, matrix: Tensor, bias: Tensor): string {
  const product = build.node(`${name}.linear`, "MatMul", [x, build.weight(`${name}.weight`, matrix, 1)]);
  return build.node(name, "Add", [product, build.tensor(`${name}.bias`, bias)]);
}

export const leakyRelu = (build: GraphBuilder, name: string, x: string): string =>
  build.node(name, "LeakyRelu", [x], { alpha: { float: slope } });

/** Channels, height and width of an image [batch, c, r, r]; without r, channels of tiles [batch, parts, c, tiles] of one. */
export interface Shape {
  readonly c: number;
  readonly r?: number;
}

/**
 * LeakyReLU(x / sqrt(mean over channels of x² + epsilon)). The mean is a product with a row of 1 / c: on a processor ten times as
 * fast as ONNX Runtime's reduction, which runs on one thread.
 */
export function pixelNormLeakyRelu(build: GraphBuilder, name: string, x: string, { c, r }: Shape): string {
  const squares = build.node(`${name}.squares`, "Mul", [x, x]);
  const rows = r === undefined ? squares : build.reshape(`${name}.rows`, squares, [-1, c, r * r]);
  const means = build.constant(`${name}.weights`, new Float32Array(c).fill(1 / c), [1, c]);
  const mean = build.node(`${name}.mean`, "MatMul", [means, rows]);
  const plane = r === undefined ? mean : build.reshape(`${name}.plane`, mean, [-1, 1, r, r]);
  const shifted = build.node(`${name}.shifted`, "Add", [plane, build.constant(`${name}.epsilon`, [epsilon], [])]);
  const root = build.node(`${name}.root`, "Sqrt", [shifted]);
  return leakyRelu(build, name, build.node(`${name}.norm`, "Div", [x, root]));
}

/** Each pixel repeated 2x2 times. */
export const upsampled = (build: GraphBuilder, name: string, x: string): string =>
  build.node(name, "Resize", [x, "", build.constant(`${name}.scales`, [1, 1, 2, 2], [4])], {
    mode: "nearest",
    nearest_mode: "floor",
    coordinate_transformation_mode: "asymmetric",
  });

/** Means over 2x2 squares. */
export const pooled = (build: GraphBuilder, name: string, x: string): string =>
  build.node(name, "AveragePool", [x], { kernel_shape: [2, 2], strides: [2, 2] });

/** x / |x|, rows of length 1. */
export const normalised = (build: GraphBuilder, name: string, x: string): string =>
  build.node(name, "Div", [x, build.node(`${name}.length`, "ReduceL2", [x], { axes: [1], keepdims: 1 })]);

/** A layer whose output is `factor` times as large. */
export const scaled = ({ weight, bias }: FoldedLayer, factor: number): FoldedLayer =>
  factor === 1 ? { weight, bias } : { weight: weight.mul(factor), bias: bias.mul(factor) };
