import { markAsUntransferable } from "node:worker_threads";
import { type DType, dtypeCode, dtypeName, dtypeOfArray, typedArrayOf } from "./dtype.ts";
import { DisposedError, TorchError } from "./errors.ts";
import { type NativeValue, native } from "./native.ts";
import { scope, track } from "./scope.ts";

/** Where a tensor lives: "cpu", "cuda" or "cuda:1"; "meta" has shapes but no numbers, to try a computation's placement. */
export type Device = "cpu" | "cuda" | `cuda:${number}` | "meta";

/** How a 4-d tensor lies in memory. */
export type MemoryFormat = "contiguous" | "preserve" | "channelsLast";
const memoryFormats: Record<MemoryFormat, number> = { contiguous: 0, preserve: 1, channelsLast: 2 };

/** What an operator takes. A dtype goes in by its number (see dtypeCode), a random generator by its handle. */
export type Value = Tensor | number | boolean | string | null | undefined | readonly Value[];

/** A tensor, or a plain number wherever libtorch broadcasts one. */
export type Operand = Tensor | number;

/** Frees tensors that were neither scoped nor disposed of. A safety net: it runs whenever V8 likes. */
const forgotten = new FinalizationRegistry<number>((id) => native.free(id));

/**
 * A libtorch tensor. Its memory is freed by scope(), dispose() or `using`; the garbage collector is only the safety net.
 * Methods are the operators of the same name: they broadcast, promote types and record graphs as in PyTorch; names that
 * end in `_` write in place and return the tensor itself.
 */
export class Tensor implements Disposable {
  #id: number;
  #shape: readonly number[] | undefined;
  #isLeft = false;

  private constructor(id: number) {
    this.#id = id;
    track(this);
  }

  /** @internal Not at once: it costs more than a small operator, and few tensors outlive their scope. */
  leaveToCollector(): void {
    if (this.#isLeft || this.#id === 0) return;
    this.#isLeft = true;
    forgotten.register(this, this.#id, this);
  }

  /** @internal */
  static fromHandle(id: number): Tensor {
    return new Tensor(id);
  }

  /** @internal The handle of a live tensor. */
  static handleOf(value: unknown, what = "value"): number {
    if (typeof value !== "object" || value === null || !(#id in value)) {
      throw new TorchError(`${what} must be a Tensor, got ${value === null ? "null" : typeof value}`);
    }
    if (value.#id === 0) throw new DisposedError(`${what} is a tensor that was disposed of`);
    return value.#id;
  }

  get shape(): readonly number[] {
    this.#shape ??= Object.freeze(native.shape(Tensor.handleOf(this, "tensor")));
    return this.#shape;
  }

  /** The size of dimension `index`; negative ones count from the end. */
  size(index: number): number {
    const size = this.shape.at(index);
    if (size === undefined)
      throw new TorchError(`a tensor of ${this.shape.length} dimensions has no dimension ${index}`);
    return size;
  }

  /** Number of elements. */
  get length(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  get dtype(): DType {
    return dtypeName(native.dtype(Tensor.handleOf(this, "tensor")));
  }

  get device(): Device {
    return native.device(Tensor.handleOf(this, "tensor")) as Device;
  }

  get disposed(): boolean {
    return this.#id === 0;
  }

  /** Gives the memory back; harmless when repeated. The tensor must not be used afterwards. */
  dispose(): void {
    if (this.#id === 0) return;
    if (this.#isLeft) forgotten.unregister(this);
    native.free(this.#id);
    this.#id = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return this.disposed ? "Tensor(disposed)" : `Tensor(${this.dtype}[${this.shape.join(",")}] ${this.device})`;
  }

  // Values out.

  /** The one element of the tensor. Waits for the device. */
  item(): number {
    if (this.length !== 1) throw new TorchError(`item needs a tensor of one element, got ${this.toString()}`);
    return scope(() => (this.to("float64").toTypedArray() as Float64Array)[0] as number);
  }

  /** A copy of the elements, row-major, in the typed array of the dtype (16-bit floats as their bits). */
  toTypedArray(): NodeJS.TypedArray {
    return scope(() => {
      const plain = this.#plain();
      return typedArrayOf(plain.dtype, native.read(Tensor.handleOf(plain)));
    });
  }

  /** The elements themselves, not a copy: a typed array over the memory of a tensor on the CPU. Keeps the memory alive. */
  view(): NodeJS.TypedArray {
    return scope(() => {
      const plain = this.#plain();
      return typedArrayOf(plain.dtype, native.view(Tensor.handleOf(plain)));
    });
  }

  /** Row-major and on the CPU. */
  #plain(): Tensor {
    return this.device === "cpu" ? this.contiguous() : this.to("cpu").contiguous();
  }

  toFloat32Array(): Float32Array {
    return scope(() => this.to("float32").toTypedArray() as Float32Array);
  }

  // Arithmetic.

  add(other: Operand): Tensor {
    return other instanceof Tensor ? ops.add(this, other) : ops.addScalar(this, other);
  }
  sub(other: Operand): Tensor {
    return other instanceof Tensor ? ops.sub(this, other) : ops.subScalar(this, other);
  }
  mul(other: Operand): Tensor {
    return other instanceof Tensor ? ops.mul(this, other) : ops.mulScalar(this, other);
  }
  div(other: Operand): Tensor {
    return other instanceof Tensor ? ops.div(this, other) : ops.divScalar(this, other);
  }
  pow(exponent: number): Tensor {
    return ops.pow(this, exponent);
  }
  neg(): Tensor {
    return ops.neg(this);
  }
  abs(): Tensor {
    return ops.abs(this);
  }
  square(): Tensor {
    return ops.square(this);
  }
  sqrt(): Tensor {
    return ops.sqrt(this);
  }
  log(): Tensor {
    return ops.log(this);
  }
  exp(): Tensor {
    return ops.exp(this);
  }
  clamp(min: number | null, max: number | null): Tensor {
    return ops.clamp(this, min, max);
  }
  /** this + weight · (end - this) */
  lerp(end: Tensor, weight: number): Tensor {
    return ops.lerp(this, end, weight);
  }
  matmul(other: Tensor): Tensor {
    return ops.matmul(this, other);
  }

  // Reductions; over everything without `dims`.

  sum(dims?: number[], keepdim = false): Tensor {
    return dims ? ops.sumDims(this, dims, keepdim) : ops.sum(this);
  }
  mean(dims?: number[], keepdim = false): Tensor {
    return dims ? ops.meanDims(this, dims, keepdim) : ops.mean(this);
  }
  /** Euclidean norm. */
  norm(dims?: number[], keepdim = false): Tensor {
    return dims ? ops.norm(this, 2, dims, keepdim) : ops.norm(this.reshape([-1]), 2, [0], false);
  }
  max(): Tensor {
    return ops.max(this);
  }
  min(): Tensor {
    return ops.min(this);
  }
  all(): Tensor {
    return ops.all(this);
  }
  isFinite(): Tensor {
    return ops.isFinite(this);
  }

  // Shape and place.

  reshape(shape: readonly number[]): Tensor {
    return ops.reshape(this, shape);
  }
  permute(dims: readonly number[]): Tensor {
    return ops.permute(this, dims);
  }
  transpose(a: number, b: number): Tensor {
    return ops.transpose(this, a, b);
  }
  narrow(dim: number, start: number, length: number): Tensor {
    return ops.narrow(this, dim, start, length);
  }
  select(dim: number, index: number): Tensor {
    return ops.select(this, dim, index);
  }
  unsqueeze(dim: number): Tensor {
    return ops.unsqueeze(this, dim);
  }
  expand(shape: readonly number[]): Tensor {
    return ops.expand(this, shape);
  }
  flip(dims: readonly number[]): Tensor {
    return ops.flip(this, dims);
  }
  indexSelect(dim: number, index: Tensor): Tensor {
    return ops.indexSelect(this, dim, index);
  }
  contiguous(format: MemoryFormat = "contiguous"): Tensor {
    return ops.contiguous(this, memoryFormats[format]);
  }
  clone(): Tensor {
    return ops.clone(this, null);
  }
  /** The same elements in another dtype or on another device; itself (a second handle) where nothing changes. */
  to(target: DType | Device, options: { nonBlocking?: boolean } = {}): Tensor {
    const nonBlocking = options.nonBlocking ?? false;
    return target === "meta" || target.startsWith("c")
      ? ops.toOptions(this, null, null, target, null, nonBlocking)
      : ops.toDtype(this, dtypeCode(target as DType), nonBlocking);
  }
  /** The same bytes read as another dtype; the last dimension shrinks or grows by the ratio of the sizes. */
  viewAs(dtype: DType): Tensor {
    return ops.viewDtype(this, dtypeCode(dtype));
  }

  // In place.

  add_(other: Tensor, alpha = 1): this {
    ops.add_(this, other, alpha).dispose();
    return this;
  }
  mul_(factor: number): this {
    ops.mulScalar_(this, factor).dispose();
    return this;
  }
  lerp_(end: Tensor, weight: number): this {
    ops.lerp_(this, end, weight).dispose();
    return this;
  }
  copy_(source: Tensor): this {
    ops.copy_(this, source, false).dispose();
    return this;
  }
  fill_(value: number): this {
    ops.fill_(this, value).dispose();
    return this;
  }

  // Autograd.

  get requiresGrad(): boolean {
    return native.requiresGrad(Tensor.handleOf(this, "tensor"));
  }
  /** Marks a leaf whose gradient is wanted (or not). */
  requiresGrad_(wanted = true): this {
    ops.requiresGrad_(this, wanted).dispose();
    return this;
  }
  /** The same elements outside of any graph. */
  detach(): Tensor {
    return ops.detach(this);
  }
  /** What backward() collected for this leaf. */
  get grad(): Tensor | null {
    const id = native.gradient(Tensor.handleOf(this, "tensor"));
    return id === null ? null : Tensor.fromHandle(id);
  }
}

function toNative(value: Value): NativeValue {
  if (value instanceof Tensor) return Tensor.handleOf(value, "argument");
  if (Array.isArray(value)) return value.map(toNative);
  if (typeof value === "object" && value !== null) return Tensor.handleOf(value, "argument");
  return value as NativeValue;
}

function fromNative(value: NativeValue, type: string): unknown {
  if (type === "Tensor" || type === "Tensor?") return value === null ? null : Tensor.fromHandle(value as number);
  if (type.startsWith("Tensor[")) return (value as number[]).map((id) => Tensor.fromHandle(id));
  return value;
}

/**
 * Any operator of libtorch by its name in the schema, for instance `operator<[Tensor], Tensor>("aten::relu")` or
 * "aten::add.Scalar". It is looked up at the first call. Arguments follow the schema's order, keyword ones included;
 * missing trailing ones take their defaults.
 * @throws TorchError at the call if libtorch has no such operator or refuses the arguments
 */
export function operator<Arguments extends readonly Value[], Result>(name: string): (...values: Arguments) => Result {
  let found: ReturnType<typeof native.operator> | undefined;
  return (...values) => {
    if (!found) {
      const [base = name, overload = ""] = name.split(".");
      found = native.operator(base, overload);
    }
    const { index, returns } = found;
    let arguments_: NativeValue[];
    try {
      arguments_ = values.map(toNative);
    } catch (error) {
      if (error instanceof TorchError) error.message = `${name}: ${error.message}`;
      throw error;
    }
    const result = native.call(index, arguments_);
    if (returns.length === 0) return undefined as Result;
    if (returns.length === 1) return fromNative(result, returns[0] as string) as Result;
    return (result as NativeValue[]).map((item, i) => fromNative(item, returns[i] as string)) as Result;
  };
}

/** The operators behind Tensor's methods. */
const ops = {
  add: operator<[Tensor, Tensor], Tensor>("aten::add.Tensor"),
  addScalar: operator<[Tensor, number], Tensor>("aten::add.Scalar"),
  sub: operator<[Tensor, Tensor], Tensor>("aten::sub.Tensor"),
  subScalar: operator<[Tensor, number], Tensor>("aten::sub.Scalar"),
  mul: operator<[Tensor, Tensor], Tensor>("aten::mul.Tensor"),
  mulScalar: operator<[Tensor, number], Tensor>("aten::mul.Scalar"),
  div: operator<[Tensor, Tensor], Tensor>("aten::div.Tensor"),
  divScalar: operator<[Tensor, number], Tensor>("aten::div.Scalar"),
  pow: operator<[Tensor, number], Tensor>("aten::pow.Tensor_Scalar"),
  neg: operator<[Tensor], Tensor>("aten::neg"),
  abs: operator<[Tensor], Tensor>("aten::abs"),
  square: operator<[Tensor], Tensor>("aten::square"),
  sqrt: operator<[Tensor], Tensor>("aten::sqrt"),
  log: operator<[Tensor], Tensor>("aten::log"),
  exp: operator<[Tensor], Tensor>("aten::exp"),
  clamp: operator<[Tensor, number | null, number | null], Tensor>("aten::clamp"),
  lerp: operator<[Tensor, Tensor, number], Tensor>("aten::lerp.Scalar"),
  matmul: operator<[Tensor, Tensor], Tensor>("aten::matmul"),
  sum: operator<[Tensor], Tensor>("aten::sum"),
  sumDims: operator<[Tensor, readonly number[], boolean], Tensor>("aten::sum.dim_IntList"),
  mean: operator<[Tensor], Tensor>("aten::mean"),
  meanDims: operator<[Tensor, readonly number[], boolean], Tensor>("aten::mean.dim"),
  norm: operator<[Tensor, number, readonly number[], boolean], Tensor>("aten::norm.ScalarOpt_dim"),
  max: operator<[Tensor], Tensor>("aten::max"),
  min: operator<[Tensor], Tensor>("aten::min"),
  all: operator<[Tensor], Tensor>("aten::all"),
  isFinite: operator<[Tensor], Tensor>("aten::isfinite"),
  reshape: operator<[Tensor, readonly number[]], Tensor>("aten::reshape"),
  permute: operator<[Tensor, readonly number[]], Tensor>("aten::permute"),
  transpose: operator<[Tensor, number, number], Tensor>("aten::transpose.int"),
  narrow: operator<[Tensor, number, number, number], Tensor>("aten::narrow"),
  select: operator<[Tensor, number, number], Tensor>("aten::select.int"),
  unsqueeze: operator<[Tensor, number], Tensor>("aten::unsqueeze"),
  expand: operator<[Tensor, readonly number[]], Tensor>("aten::expand"),
  flip: operator<[Tensor, readonly number[]], Tensor>("aten::flip"),
  indexSelect: operator<[Tensor, number, Tensor], Tensor>("aten::index_select"),
  contiguous: operator<[Tensor, number], Tensor>("aten::contiguous"),
  clone: operator<[Tensor, number | null], Tensor>("aten::clone"),
  toDtype: operator<[Tensor, number, boolean], Tensor>("aten::to.dtype"),
  toOptions: operator<[Tensor, null, null, string, null, boolean], Tensor>("aten::to.dtype_layout"),
  viewDtype: operator<[Tensor, number], Tensor>("aten::view.dtype"),
  add_: operator<[Tensor, Tensor, number], Tensor>("aten::add_.Tensor"),
  mulScalar_: operator<[Tensor, number], Tensor>("aten::mul_.Scalar"),
  lerp_: operator<[Tensor, Tensor, number], Tensor>("aten::lerp_.Scalar"),
  copy_: operator<[Tensor, Tensor, boolean], Tensor>("aten::copy_"),
  fill_: operator<[Tensor, number], Tensor>("aten::fill_.Scalar"),
  requiresGrad_: operator<[Tensor, boolean], Tensor>("aten::requires_grad_"),
  detach: operator<[Tensor], Tensor>("aten::detach"),
};

/** Memory that libtorch uses must not move to another thread or shrink. */
function pin(buffer: ArrayBufferLike & { resizable?: boolean; growable?: boolean }): void {
  if (buffer.resizable || buffer.growable) throw new TorchError("share needs an array whose buffer cannot be resized");
  markAsUntransferable(buffer);
}

/**
 * A tensor on the CPU with these elements.
 * @param options.dtype  what the bytes mean where the array's own type does not say (float16, bfloat16, bool)
 * @param options.share  use the array's memory instead of copying it; writes on either side are seen on the other
 */
export function tensor(
  data: NodeJS.TypedArray | readonly number[],
  shape: readonly number[] = [data.length],
  options: { dtype?: DType; share?: boolean } = {},
): Tensor {
  const array = ArrayBuffer.isView(data) ? data : Float32Array.from(data);
  const dtype = options.dtype ?? dtypeOfArray(array);
  if (options.share) pin(array.buffer);
  return Tensor.fromHandle(native.fromBuffer(array, dtypeCode(dtype), shape, !options.share));
}

/** Tensors alive in this thread and the bytes of their elements (a view counts as many as it shows). */
export function memory(): { tensors: number; bytes: number } {
  const [tensors, bytes] = native.memory();
  return { tensors, bytes };
}
