// What each supported ONNX operator is in libtorch. The table is all that a file can reach.
import { cat, operator, type Tensor, tensor, where, zerosLike } from "pioneer-torch";
import type { Attributes } from "./attributes.ts";
import { type Constant, UnsupportedError } from "./graph-file.ts";

/** Whole numbers, which say shapes and axes: they stay outside of libtorch. */
export interface Whole {
  readonly shape: readonly number[];
  readonly numbers: readonly number[];
}
export type Value = Tensor | Whole;
export const isWhole = (value: Value): value is Whole => "numbers" in value;

export type Compute = (...inputs: (Value | undefined)[]) => Value;

export interface Operator {
  /** Fewest and most inputs that are supported. */
  readonly inputs: readonly [number, number];
  /**
   * Reads what a node asks for, before anything is computed.
   * @param known the inputs that are constants
   * @throws UnsupportedError naming the attribute and what is supported
   */
  readonly read: (attributes: Attributes, known: readonly (Value | undefined)[]) => Compute;
}

export function toValue({ shape, data }: Constant): Value {
  return data instanceof Float32Array ? tensor(data, shape) : { shape, numbers: data };
}

function whole(value: Value | undefined, what: string): readonly number[] {
  if (!value || !isWhole(value)) throw new UnsupportedError(`${what} has to be whole numbers`);
  return value.numbers;
}

function floating(value: Value | undefined): Tensor {
  if (!value || isWhole(value)) throw new UnsupportedError("computes with whole numbers, which is not supported");
  return value;
}

type Strides = readonly number[];
const convOp = operator<[Tensor, Tensor, Tensor | null, Strides, Strides, Strides, number], Tensor>("aten::conv2d");
const padOp = operator<[x: Tensor, padding: readonly number[], value: number], Tensor>("aten::constant_pad_nd");
const maxPoolOp = operator<[Tensor, Strides, Strides, Strides, Strides, boolean], Tensor>("aten::max_pool2d");
const averagePoolOp = operator<[Tensor, Strides, Strides, Strides, boolean, boolean], Tensor>("aten::avg_pool2d");
const amaxOp = operator<[Tensor, readonly number[], boolean], Tensor>("aten::amax");
const batchNormOp = operator<[Tensor, Tensor, Tensor, Tensor, Tensor, boolean, number, number, boolean], Tensor>(
  "aten::batch_norm",
);
const powOp = operator<[Tensor, Tensor], Tensor>("aten::pow.Tensor_Tensor");
const clampOp = operator<[Tensor, Tensor | null, Tensor | null], Tensor>("aten::clamp.Tensor");
const squeezeOp = operator<[Tensor, number], Tensor>("aten::squeeze.dim");
const sliceOp = operator<[Tensor, number, number, number, number], Tensor>("aten::slice.Tensor");
const equalsOp = operator<[Tensor, number], Tensor>("aten::eq.Scalar");
const softmaxOp = operator<[Tensor, number, null], Tensor>("aten::softmax.int");
const leakyReluOp = operator<[Tensor, number], Tensor>("aten::leaky_relu");
const onesLike = operator<[Tensor], Tensor>("aten::ones_like");
const unary = (name: string) => pointwise(operator<[Tensor], Tensor>(name));

/**
 * At 0 its slope is 0 here. It is infinite, and NaN once it is multiplied by the 0 before it, as in the root of the sum of squares of
 * features that are all 0 (LPIPS takes such roots, where only a ReLU before them hides the NaN).
 */
function root(x: Tensor): Tensor {
  const isZero = equalsOp(x, 0);
  return where(isZero, zerosLike(x), where(isZero, onesLike(x), x).sqrt());
}

function pointwise(compute: (x: Tensor) => Tensor): Operator {
  return { inputs: [1, 1], read: () => (x) => compute(floating(x)) };
}

function binary(compute: (a: Tensor, b: Tensor) => Tensor): Operator {
  return { inputs: [2, 2], read: () => (a, b) => compute(floating(a), floating(b)) };
}

/** Sums and the like over axes, which older files have as an attribute, newer ones as an input. */
function reduction(compute: (x: Tensor, axes: number[], keep: boolean) => Tensor): Operator {
  return {
    inputs: [1, 2],
    read(attributes) {
      const fixed = attributes.has("axes") ? attributes.ints("axes", []) : undefined;
      const keep = attributes.int("keepdims", 1) !== 0;
      attributes.only("noop_with_empty_axes", 0);
      return (x, given) => {
        const values = floating(x);
        const axes = fixed ?? (given ? whole(given, "axes") : []);
        return compute(values, axes.length > 0 ? [...axes] : [...values.shape.keys()], keep);
      };
    },
  };
}

/** Axes of Squeeze and Unsqueeze: an attribute before operator set 13, then an input. */
function withAxes(compute: (x: Value, axes: readonly number[]) => Value): Operator {
  return {
    inputs: [1, 2],
    read(attributes) {
      const fixed = attributes.has("axes") ? attributes.ints("axes", []) : undefined;
      return (x, given) => compute(x as Value, fixed ?? whole(given, "axes"));
    },
  };
}

const pair = (attributes: Attributes, name: string) => attributes.ints(name, [1, 1], 2);

/** Top, left, bottom, right. */
const pads = (attributes: Attributes) => attributes.ints("pads", [0, 0, 0, 0], 4);

/** Of poolings, which libtorch pads alike on both sides. */
function evenPads(attributes: Attributes): [number, number] {
  const [top, left, bottom, right] = pads(attributes) as [number, number, number, number];
  if (top !== bottom || left !== right) {
    throw new UnsupportedError(
      `pads = [${top}, ${left}, ${bottom}, ${right}] is not supported, only the same on both sides`,
    );
  }
  return [top, left];
}

const conv: Operator = {
  inputs: [2, 3],
  read(attributes) {
    attributes.only("auto_pad", "NOTSET");
    const [strides, dilations] = [pair(attributes, "strides"), pair(attributes, "dilations")];
    const [top, left, bottom, right] = pads(attributes) as [number, number, number, number];
    const groups = attributes.int("group", 1);
    // The weight's own shape says it again.
    pair(attributes, "kernel_shape");
    const isEven = top === bottom && left === right;
    return (x, weight, bias) => {
      const padded = isEven ? floating(x) : padOp(floating(x), [left, right, top, bottom], 0);
      const padding = isEven ? [top, left] : [0, 0];
      return convOp(padded, floating(weight), bias ? floating(bias) : null, strides, padding, dilations, groups);
    };
  },
};

const maxPool: Operator = {
  inputs: [1, 1],
  read(attributes) {
    attributes.only("auto_pad", "NOTSET");
    attributes.only("storage_order", 0);
    const [kernel, strides] = [pair(attributes, "kernel_shape"), pair(attributes, "strides")];
    const [padding, dilations] = [evenPads(attributes), pair(attributes, "dilations")];
    const ceil = attributes.int("ceil_mode", 0) !== 0;
    return (x) => maxPoolOp(floating(x), kernel, strides, padding, dilations, ceil);
  },
};

const averagePool: Operator = {
  inputs: [1, 1],
  read(attributes) {
    attributes.only("auto_pad", "NOTSET");
    // What windows beyond the edge are divided by is not the same everywhere.
    attributes.only("ceil_mode", 0);
    const [kernel, strides] = [pair(attributes, "kernel_shape"), pair(attributes, "strides")];
    const padding = evenPads(attributes);
    const countsPadding = attributes.int("count_include_pad", 0) !== 0;
    if (pair(attributes, "dilations").some((step) => step !== 1)) {
      throw new UnsupportedError("dilations are not supported, only [1, 1]");
    }
    return (x) => averagePoolOp(floating(x), kernel, strides, padding, false, countsPadding);
  },
};

const batchNormalization: Operator = {
  inputs: [5, 5],
  read(attributes) {
    attributes.only("training_mode", 0);
    const epsilon = attributes.float("epsilon", 1e-5);
    // It moves the averages in training only.
    attributes.float("momentum", 0.9);
    return (...inputs) => {
      const [x, scale, bias, mean, variance] = inputs.map(floating) as [Tensor, Tensor, Tensor, Tensor, Tensor];
      return batchNormOp(x, scale, bias, mean, variance, false, 0, epsilon, false);
    };
  },
};

const gemm: Operator = {
  inputs: [2, 3],
  read(attributes) {
    const [alpha, beta] = [attributes.float("alpha", 1), attributes.float("beta", 1)];
    const [turnA, turnB] = [attributes.int("transA", 0) !== 0, attributes.int("transB", 0) !== 0];
    return (a, b, c) => {
      const turned = (x: Tensor, turn: boolean) => (turn ? x.transpose(0, 1) : x);
      const product = turned(floating(a), turnA)
        .matmul(turned(floating(b), turnB))
        .mul(alpha);
      return c ? product.add(floating(c).mul(beta)) : product;
    };
  },
};

const pow: Operator = {
  inputs: [2, 2],
  read(_, [, exponent]) {
    if (!exponent || isWhole(exponent) || exponent.shape.some((size) => size !== 1)) {
      return (x, by) => powOp(floating(x), floating(by));
    }
    const by = exponent.item();
    if (by === 2) return (x) => floating(x).square();
    if (by === 0.5) return (x) => root(floating(x));
    return (x) => floating(x).pow(by);
  },
};

const constant: Operator = {
  inputs: [0, 0],
  read(attributes) {
    const make = (): Constant => {
      if (attributes.has("value_float")) {
        return { shape: [], data: Float32Array.of(attributes.float("value_float", 0)) };
      }
      if (attributes.has("value_int")) return { shape: [], data: [attributes.int("value_int", 0)] };
      if (attributes.has("value_floats")) {
        const data = Float32Array.from(attributes.floats("value_floats"));
        return { shape: [data.length], data };
      }
      if (attributes.has("value_ints")) {
        const data = attributes.ints("value_ints", []);
        return { shape: [data.length], data };
      }
      return attributes.tensor("value");
    };
    const made = make();
    return () => toValue(made);
  },
};

/** The numbers of a new shape: 0 keeps what is there. */
function reshape(x: Value, wanted: readonly number[]): Value {
  const shape = wanted.map((size, i) => (size === 0 ? (x.shape[i] ?? 0) : size));
  if (!isWhole(x)) return x.reshape(shape);
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const full = shape.map((size) => (size === -1 ? x.numbers.length / known : size));
  return { shape: full, numbers: x.numbers };
}

function squeeze(x: Value, axes: readonly number[]): Value {
  const at = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)).sort((a, b) => b - a);
  if (isWhole(x)) return { ...x, shape: x.shape.filter((_, i) => !at.includes(i)) };
  return at.reduce((rest, axis) => squeezeOp(rest, axis), x);
}

function unsqueeze(x: Value, axes: readonly number[]): Value {
  const rank = x.shape.length + axes.length;
  const shape = [...x.shape];
  for (const axis of axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b))
    shape.splice(axis, 0, 1);
  return isWhole(x) ? { ...x, shape } : x.reshape(shape);
}

const concat: Operator = {
  inputs: [1, Number.POSITIVE_INFINITY],
  read(attributes) {
    const axis = attributes.int("axis", 0);
    return (...inputs) => {
      const values = inputs as Value[];
      if (!values.some(isWhole)) return cat(values as Tensor[], axis);
      const numbers = values.flatMap((value) => whole(value, "each part"));
      return { shape: [numbers.length], numbers };
    };
  },
};

const slice: Operator = {
  inputs: [3, 5],
  read: () => (x, from, to, axes, steps) => {
    const [starts, ends] = [whole(from, "starts"), whole(to, "ends")];
    const at = axes ? whole(axes, "axes") : [...starts.keys()];
    const by = steps ? whole(steps, "steps") : starts.map(() => 1);
    if (by.some((step) => step < 1)) throw new UnsupportedError("steps below 1 are not supported");
    if (isWhole(x as Value)) {
      const { numbers } = x as Whole;
      const cut = numbers.slice(starts[0], ends[0]).filter((_, i) => i % (by[0] as number) === 0);
      return { shape: [cut.length], numbers: cut };
    }
    return at.reduce(
      // Ends may be the largest whole number that there is; libtorch takes 2^53 as well.
      (rest, axis, i) =>
        sliceOp(rest, axis, starts[i] as number, Math.min(ends[i] as number, 2 ** 53 - 1), by[i] as number),
      floating(x),
    );
  },
};

const gather: Operator = {
  inputs: [2, 2],
  read(attributes) {
    attributes.only("axis", 0);
    return (x, indices) => {
      const [numbers, at] = [whole(x, "what it takes from"), whole(indices, "what it takes")];
      const taken = at.map((i) => numbers.at(i));
      if (taken.includes(undefined)) throw new UnsupportedError(`takes number ${at.join(", ")} of ${numbers.length}`);
      return { shape: (indices as Whole).shape, numbers: taken as number[] };
    };
  },
};

const flatten: Operator = {
  inputs: [1, 1],
  read(attributes) {
    const axis = attributes.int("axis", 1);
    return (x) => {
      const values = floating(x);
      const from = axis < 0 ? axis + values.shape.length : axis;
      return values.reshape([values.shape.slice(0, from).reduce((product, size) => product * size, 1), -1]);
    };
  },
};

const same: Operator = { inputs: [1, 1], read: () => (x) => x as Value };

const table: Readonly<Record<string, Operator>> = {
  Conv: conv,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: pointwise((x) => x.mean([2, 3], true)),
  GlobalMaxPool: pointwise((x) => amaxOp(x, [2, 3], true)),
  BatchNormalization: batchNormalization,
  Gemm: gemm,
  MatMul: binary((a, b) => a.matmul(b)),
  Relu: unary("aten::relu"),
  LeakyRelu: {
    inputs: [1, 1],
    read(attributes) {
      const slope = attributes.float("alpha", 0.01);
      return (x) => leakyReluOp(floating(x), slope);
    },
  },
  Sigmoid: unary("aten::sigmoid"),
  Tanh: unary("aten::tanh"),
  Exp: pointwise((x) => x.exp()),
  Log: pointwise((x) => x.log()),
  Abs: pointwise((x) => x.abs()),
  Neg: pointwise((x) => x.neg()),
  Sqrt: pointwise(root),
  Softmax: {
    inputs: [1, 1],
    read(attributes) {
      const axis = attributes.int("axis", -1);
      return (x) => softmaxOp(floating(x), axis, null);
    },
  },
  Clip: {
    inputs: [1, 3],
    read: () => (x, min, max) =>
      min || max ? clampOp(floating(x), min ? floating(min) : null, max ? floating(max) : null) : floating(x),
  },
  Add: binary((a, b) => a.add(b)),
  Sub: binary((a, b) => a.sub(b)),
  Mul: binary((a, b) => a.mul(b)),
  Div: binary((a, b) => a.div(b)),
  Pow: pow,
  ReduceSum: reduction((x, axes, keep) => x.sum(axes, keep)),
  ReduceMean: reduction((x, axes, keep) => x.mean(axes, keep)),
  ReduceL2: reduction((x, axes, keep) => root(x.square().sum(axes, keep))),
  Constant: constant,
  Identity: same,
  // Without its third input it is in inference, and does nothing.
  Dropout: {
    inputs: [1, 2],
    read(attributes) {
      attributes.float("ratio", 0.5);
      attributes.int("seed", 0);
      return (x) => x as Value;
    },
  },
  Cast: {
    inputs: [1, 1],
    read(attributes) {
      const to = attributes.int("to", 0);
      return (x) => {
        if (to === (isWhole(x as Value) ? 7 : 1)) return x as Value;
        throw new UnsupportedError(`to = ${to} is not supported, only what its input is already`);
      };
    },
  },
  Concat: concat,
  Flatten: flatten,
  Reshape: {
    inputs: [2, 2],
    read(attributes) {
      attributes.only("allowzero", 0);
      return (x, shape) => reshape(x as Value, whole(shape, "shape"));
    },
  },
  Squeeze: withAxes(squeeze),
  Unsqueeze: withAxes(unsqueeze),
  Transpose: {
    inputs: [1, 1],
    read(attributes) {
      const order = attributes.ints("perm", []);
      return (x) => {
        const values = floating(x);
        return values.permute(order.length > 0 ? order : [...values.shape.keys()].reverse());
      };
    },
  },
  Slice: slice,
  Gather: gather,
  Shape: {
    inputs: [1, 1],
    read(attributes) {
      attributes.only("start", 0);
      return (x) => ({ shape: [(x as Value).shape.length], numbers: (x as Value).shape });
    },
  },
};

/** By name. A map, so that no name finds what every object has. */
export const operators: ReadonlyMap<string, Operator> = new Map(Object.entries(table));
