// The operators that are not methods of Tensor, typed by hand; any other is one operator<...>("aten::name") away.
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
const pinMemory = operator<[Tensor], Tensor>("aten::pin_memory");

/** What was made on the CPU, on another device, which fetches it while the CPU goes on; itself if it is to stay there. */
export const upload = (made: Tensor, device: Device): Tensor =>
  device.startsWith("cuda") ? pinMemory(made).to(device, { nonBlocking: true }) : made.to(device);

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
