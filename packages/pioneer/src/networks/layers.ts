// What the generator and the encoder are both made of.
import { cat, conv2d, type DType, full, linear, scope, type Tensor } from "pioneer-torch";

/** Number format of convolutions and activations; statistics, norms and losses are float32 in either. */
export type Precision = "fp32" | "bf16" | "fp64";

const dtypes = { fp32: "float32", bf16: "bfloat16", fp64: "float64" } as const satisfies Record<Precision, DType>;

export const dtypeOf = (precision: Precision): DType => dtypes[precision];

/** Format of statistics, of images and of what the networks give. */
export const exactOf = (precision: Precision): DType => (precision === "fp64" ? "float64" : "float32");

/** A layer with its weights as this step uses them. */
export type Layer = (x: Tensor) => Tensor;

/** Makes a layer without bias of a prepared weight: [out, in, k, k], in the dtype of convolutions, channels last. */
export type Linear = (weight: Tensor) => Layer;

/** Activations and weights lie channels last: what oneDNN's bf16 convolutions and the fused operators want. */
export const inComputeFormat = (x: Tensor, precision: Precision): Tensor =>
  scope(() => x.to(dtypeOf(precision)).contiguous("channelsLast"));

/** x + bias, in x's format. @param x [batch, c, h, w] or [batch, c] @param bias [c], float32 */
export const addBias = (x: Tensor, bias: Tensor): Tensor =>
  scope(() => x.add(bias.to(x.dtype).reshape(x.shape.length === 4 ? [-1, 1, 1] : [-1])));

/**
 * 4x4 convolution of a 1x1 image padded by 3: every output pixel sees the one input pixel through one tap, so it is a
 * matrix product. [batch, in] -> [batch, out, 4, 4]
 */
export const denseTo4x4: Linear = (weight) => {
  const out = weight.size(0);
  // Output pixel (y, x) uses tap (3 - y, 3 - x); rows of the matrix are (y, x, out), which is channels last.
  const matrix = scope(() =>
    weight
      .permute([2, 3, 0, 1])
      .flip([0, 1])
      .reshape([16 * out, -1]),
  );
  return (z) => scope(() => linear(z, matrix, null).reshape([-1, 4, 4, out]).permute([0, 3, 1, 2]));
};

/** 4x4 convolution without padding of a 4x4 image: a matrix product over all its pixels. [batch, in, 4, 4] -> [batch, out] */
export const denseFrom4x4: Linear = (weight) => {
  const out = weight.size(0);
  const matrix = scope(() => weight.permute([0, 2, 3, 1]).reshape([out, -1]));
  return (x) => scope(() => linear(x.permute([0, 2, 3, 1]).reshape([x.size(0), -1]), matrix, null));
};

/**
 * A 3x3 convolution of what from_rgb makes of a picture is one 3x3 convolution of the picture itself: nothing stands
 * between the two. A fourth channel of ones carries from_rgb's bias, which ends where the picture ends.
 * @param weight [out, c, 3, 3] @param rgbWeight [c, 3, 1, 1] @param rgbBias [c]; all float32 @returns [out, 4, 3, 3]
 */
export function kernelOfRgb(weight: Tensor, rgbWeight: Tensor, rgbBias: Tensor): Tensor {
  const [out, channels] = weight.shape as [number, number];
  return scope(() => {
    const rgb = cat([rgbWeight.reshape([channels, 3]), rgbBias.reshape([channels, 1])], 1).to(weight.dtype);
    const taps = weight.permute([0, 2, 3, 1]).reshape([-1, channels]).matmul(rgb);
    return taps.reshape([out, 3, 3, 4]).permute([0, 3, 1, 2]);
  });
}

/** The convolution with that kernel. */
export function convolutionOfRgb(weight: Tensor, rgbWeight: Tensor, rgbBias: Tensor, precision: Precision): Layer {
  const kernel = scope(() => inComputeFormat(kernelOfRgb(weight, rgbWeight, rgbBias), precision));
  return (x) =>
    scope(() => {
      const ones = full([x.size(0), 1, x.size(2), x.size(3)], 1, { dtype: x.dtype, device: x.device });
      return conv2d(inComputeFormat(cat([x, ones], 1), precision), kernel, null, 1);
    });
}

/** Plain 1x1 convolution with bias, to or from RGB. */
export const rgbConvolution = (weight: Tensor, bias: Tensor, precision: Precision): Layer => {
  const w = inComputeFormat(weight, precision);
  const b = bias.to(dtypeOf(precision));
  return (x) => conv2d(x, w, b);
};

/** Rows of length 1, no epsilon. @param z [batch, n] */
export const normalise = (z: Tensor): Tensor => scope(() => z.div(z.norm([1], true)));
