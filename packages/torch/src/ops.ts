// The operators that are not methods of Tensor, typed by hand; any other is one operator<...>("aten::name") away.
import { hasFused } from "./device.ts";
import { type DType, dtypeCode } from "./dtype.ts";
import type { RandomGenerator } from "./random.ts";
import { type Device, operator, type Tensor } from "./tensor.ts";

export interface Placement {
  /** float32 unless given. */
  dtype?: DType;
  /** cpu unless given. */
  device?: Device;
}

type Options = [dtype: number, layout: null, device: string];
const options = (at: Placement): Options => [dtypeCode(at.dtype ?? "float32"), null, at.device ?? "cpu"];

const emptyOp = operator<[readonly number[], ...Options], Tensor>("aten::empty.memory_format");
const zerosOp = operator<[readonly number[], ...Options], Tensor>("aten::zeros");
const fullOp = operator<[readonly number[], number, ...Options], Tensor>("aten::full");
const arangeOp = operator<[number, ...Options], Tensor>("aten::arange");

/** Uninitialised memory. */
export const empty = (shape: readonly number[], at: Placement = {}): Tensor => emptyOp(shape, ...options(at));
export const zeros = (shape: readonly number[], at: Placement = {}): Tensor => zerosOp(shape, ...options(at));
export const full = (shape: readonly number[], value: number, at: Placement = {}): Tensor =>
  fullOp(shape, value, ...options(at));
/** 0, 1, ..., end - 1. */
export const arange = (end: number, at: Placement = {}): Tensor => arangeOp(end, ...options(at));

export const zerosLike = operator<[Tensor], Tensor>("aten::zeros_like");

const normal_ = operator<[Tensor, number, number, number], Tensor>("aten::normal_");
const uniform_ = operator<[Tensor, number, number, number], Tensor>("aten::uniform_");

/** Standard normal numbers drawn from `generator`, on its device. */
export function randn(shape: readonly number[], generator: RandomGenerator, dtype: DType = "float32"): Tensor {
  const drawn = empty(shape, { dtype, device: generator.device });
  normal_(drawn, 0, 1, generator.handle).dispose();
  return drawn;
}

/** Uniform numbers in [low, high) drawn from `generator`, on its device. */
export function rand(
  shape: readonly number[],
  generator: RandomGenerator,
  low = 0,
  high = 1,
  dtype: DType = "float32",
): Tensor {
  const drawn = empty(shape, { dtype, device: generator.device });
  uniform_(drawn, low, high, generator.handle).dispose();
  return drawn;
}

const catOp = operator<[readonly Tensor[], number], Tensor>("aten::cat");
const stackOp = operator<[readonly Tensor[], number], Tensor>("aten::stack");
export const cat = (tensors: readonly Tensor[], dim = 0): Tensor => catOp(tensors, dim);
export const stack = (tensors: readonly Tensor[], dim = 0): Tensor => stackOp(tensors, dim);

/** condition ? a : b, element by element. */
export const where = operator<[condition: Tensor, a: Tensor, b: Tensor], Tensor>("aten::where.self");

const conv2dOp = operator<[Tensor, Tensor, Tensor | null, readonly number[], readonly number[]], Tensor>(
  "aten::conv2d",
);
/** Cross-correlation, stride 1. @param x [batch, in, h, w] @param weight [out, in, kh, kw] @param bias [out] */
export const conv2d = (x: Tensor, weight: Tensor, bias: Tensor | null, padding = 0): Tensor =>
  conv2dOp(x, weight, bias, [1, 1], [padding, padding]);

/** x @ weight' + bias. @param x [batch, in] @param weight [out, in] */
export const linear = operator<[x: Tensor, weight: Tensor, bias: Tensor | null], Tensor>("aten::linear");

export const leakyRelu = operator<[x: Tensor, slope: number], Tensor>("aten::leaky_relu");

/**
 * Chains of operators as single passes over memory (the operators.cc in native/kernels say what each computes). On the CPU, and on
 * CUDA where `hasFused`; in float32 and bfloat16; differentiable once. Activations lie channels last, biases are float32.
 */
export const fused = {
  pixelNormLeakyRelu: operator<[x: Tensor, bias: Tensor, slope: number, epsilon: number], Tensor>(
    "pioneer::pixel_norm_lrelu",
  ),
  upsampledPixelNormLeakyRelu: operator<[x: Tensor, bias: Tensor, slope: number, epsilon: number], Tensor>(
    "pioneer::upsampled_pixel_norm_lrelu",
  ),
  biasLeakyRelu: operator<[x: Tensor, bias: Tensor, slope: number], Tensor>("pioneer::bias_lrelu"),
  biasLeakyReluPool: operator<[x: Tensor, bias: Tensor, slope: number], Tensor>("pioneer::bias_lrelu_pool"),
  fade: operator<[before: Tensor, now: Tensor, alpha: number], Tensor>("pioneer::fade"),
  upsampledConvolution: operator<[x: Tensor, kernel: Tensor], Tensor>("pioneer::upsampled_convolution"),
  prepared: operator<[weight: Tensor, copy: Tensor, scale: number], Tensor>("pioneer::prepared"),
  scaled: operator<[weight: Tensor, scale: number, dtype: number], Tensor>("pioneer::scaled_forward"),
  upsampledKernel: operator<[weight: Tensor, scale: number, dtype: number], Tensor>(
    "pioneer::upsampled_kernel_forward",
  ),
  spectralNorm: operator<[weight: Tensor, u: Tensor, dtype: number], [Tensor, Tensor]>("pioneer::spectral_norm"),
  adam_: operator<
    [
      parameters: readonly Tensor[],
      gradients: readonly Tensor[],
      first: readonly Tensor[],
      second: readonly Tensor[],
      copies: readonly Tensor[],
      copyScales: readonly number[],
      rates: Tensor,
      beta1: number,
      beta2: number,
      epsilon: number,
    ],
    void
  >("pioneer::adam_"),
  ema_: operator<[averages: readonly Tensor[], values: readonly Tensor[], weight: number], void>("pioneer::ema_"),
};

/** average += weight · (value - average), for all at once, in place. */
export function movingAverage_(averages: readonly Tensor[], values: readonly Tensor[], weight: number): void {
  if (averages.every(isFusable)) fused.ema_(averages, values, weight);
  else for (const [i, average] of averages.entries()) average.lerp_(values[i] as Tensor, weight);
}

/** Whether parameters like this one are updated by the fused passes. */
export const isFusable = ({ device, dtype }: Tensor): boolean => dtype === "float32" && hasFused(device);

const avgPoolOp = operator<[Tensor, readonly number[]], Tensor>("aten::avg_pool2d");
/** Means over `size` x `size` squares. */
export const avgPool2d = (x: Tensor, size = 2): Tensor => avgPoolOp(x, [size, size]);

const upsampleOp = operator<[Tensor, null, readonly number[]], Tensor>("aten::upsample_nearest2d.vec");
/** Each pixel repeated `factor` x `factor` times. */
export const upsampleNearest = (x: Tensor, factor = 2): Tensor => upsampleOp(x, null, [factor, factor]);

const eighOp = operator<[Tensor, string], [Tensor, Tensor]>("aten::linalg_eigh");
/** Of a symmetric matrix, eigenvalues ascending. @param a [n, n] @returns values [n], vectors [n, n] in columns */
export const eigh = (a: Tensor): { values: Tensor; vectors: Tensor } => {
  const [values, vectors] = eighOp(a, "L");
  return { values, vectors };
};

const fromFileOp = operator<[string, boolean, number, ...Options], Tensor>("aten::from_file");
/** The first `bytes` bytes of a file as a uint8 tensor, mapped into memory: pages are read when they are touched. */
export const fromFile = (path: string, bytes: number): Tensor =>
  fromFileOp(path, false, bytes, ...options({ dtype: "uint8" }));

/** A copy in memory that a GPU can read while it computes (needs CUDA): what `to(device, { nonBlocking: true })` wants. */
export const pinMemory = operator<[Tensor], Tensor>("aten::pin_memory");

/** Operators over many tensors in one call; the first list is written in place. */
export const foreach = {
  mul_: operator<[Tensor[], number], void>("aten::_foreach_mul_.Scalar"),
  add_: operator<[Tensor[], Tensor[], number], void>("aten::_foreach_add_.List"),
  addcmul_: operator<[Tensor[], Tensor[], Tensor[], number], void>("aten::_foreach_addcmul_.Scalar"),
  addcdiv_: operator<[Tensor[], Tensor[], Tensor[], number[]], void>("aten::_foreach_addcdiv_.ScalarList"),
  sqrt: operator<[Tensor[]], Tensor[]>("aten::_foreach_sqrt"),
  div_: operator<[Tensor[], number[]], void>("aten::_foreach_div_.ScalarList"),
  addScalar_: operator<[Tensor[], number], void>("aten::_foreach_add_.Scalar"),
};
