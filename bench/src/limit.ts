// The limit of a step: the convolutions and matrix products that it executes, each shape alone at its best time. What a
// step takes beyond that goes into everything between them.
import {
  type CalledValue,
  type Device,
  noGrad,
  type OperatorCall,
  operator,
  RandomGenerator,
  randn,
  scope,
  type Tensor,
  type TensorNote,
  type Value,
  zeros,
} from "pioneer-torch";
import { groupBy } from "./profile.ts";
import { secondsOf } from "./step.ts";

/** A convolution or matrix product, as often as a step executes it. */
export interface Product {
  /** Of a backward pass one half: "to data" or "to weights". */
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly CalledValue[];
  readonly count: number;
}

export interface TimedProduct {
  readonly name: string;
  /** "bfloat16[8,512,64,64] channels last" for each tensor. */
  readonly tensors: readonly string[];
  readonly count: number;
  /** The best of several. */
  readonly milliseconds: number;
}

const forwardNames = ["convolution", "mm", "mm.out", "addmm", "bmm", "baddbmm", "mv", "addmv"].map(
  (name) => `aten::${name}`,
);
const convolutionBackward = "aten::convolution_backward";
/** Passes of ours, whole: their products never leave the cache for what is around them. */
const winogradNames = ["winograd", "winograd_to_data", "winograd_to_weights"].map((name) => `pioneer::${name}`);
const counted = new Set([...forwardNames, ...winogradNames, convolutionBackward]);

/** What of a recording counts: equal calls together. A backward pass falls into its halves; those it skips are left out. */
export function productsOf(calls: readonly OperatorCall[]): Product[] {
  const isInside = ({ parent }: OperatorCall): boolean => {
    const outer = parent === null ? undefined : calls[parent];
    return outer !== undefined && (counted.has(outer.name) || isInside(outer));
  };
  const single = calls.filter((call) => counted.has(call.name) && !isInside(call)).flatMap(halves);
  return [...groupBy(single, ({ name, inputs }) => JSON.stringify([name, inputs])).values()].map((equal) => ({
    ...(equal[0] as (typeof single)[number]),
    count: equal.length,
  }));
}

function halves({ name, inputs }: OperatorCall): Omit<Product, "count">[] {
  if (name !== convolutionBackward) return [{ name, operator: name, inputs }];
  const mask = inputs.at(-1) as readonly boolean[];
  const half = (which: string, wanted: boolean[]) => ({
    name: `${name} ${which}`,
    operator: name,
    inputs: [...inputs.slice(0, -1), wanted],
  });
  return [
    ...(mask[0] ? [half("to data", [true, false, false])] : []),
    ...(mask[1] ? [half("to weights", [false, true, false])] : []),
  ];
}

/** Each product alone, on random numbers laid out as the step's, one after the other. */
export function timeProducts(
  products: readonly Product[],
  device: Device = "cpu",
  onTimed: (done: number) => void = () => {},
): TimedProduct[] {
  const random = new RandomGenerator(0);
  return products.map((product, i) => {
    const timed = {
      name: product.name,
      tensors: product.inputs.filter(isTensor).map(describe),
      count: product.count,
      milliseconds: 1000 * bestSeconds(product, random, device),
    };
    onTimed(i + 1);
    return timed;
  });
}

/** Seconds of a step that did nothing else. */
export const limitSeconds = (products: readonly TimedProduct[]): number =>
  products.reduce((sum, { count, milliseconds }) => sum + (count * milliseconds) / 1000, 0);

/** What a device reaches in its best case: two bfloat16 matrices of 8192 x 8192. */
export function squareTflops(device: Device): number {
  const size = 8192;
  const matrix = { shape: [size, size], strides: [size, 1], dtype: "bfloat16" as const };
  const product = { name: "aten::mm", operator: "aten::mm", inputs: [matrix, matrix], count: 1 };
  return (2 * size ** 3) / bestSeconds(product, new RandomGenerator(0), device) / 1e12;
}

/** At least this many runs after one that is not timed, and more of short ones. */
const leastRuns = 5;
const shortSeconds = 0.1;
/** On a GPU so many run behind one another before the host waits for them: a wait takes as long as a small product. */
const queued = { cpu: 1, cuda: 20 };

function bestSeconds(product: Product, random: RandomGenerator, device: Device): number {
  return noGrad(() =>
    scope(() => {
      const call = operator<Value[], Tensor>(product.operator);
      const values = product.inputs.map((input) => valueLike(input, random, device));
      const marker = zeros([1], { device });
      const times = device === "cpu" ? queued.cpu : queued.cuda;
      const run = () => {
        for (let i = 0; i < times; i++) scope(() => void call(...values));
        if (device !== "cpu") marker.item(); // waits for the device
      };
      run();
      let best = Number.POSITIVE_INFINITY;
      let total = 0;
      for (let runs = 0; runs < leastRuns || total < shortSeconds; runs++) {
        const seconds = secondsOf(run);
        best = Math.min(best, seconds);
        total += seconds;
      }
      return best / times;
    }),
  );
}

const isTensor = (value: CalledValue): value is TensorNote =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const asStrided = operator<[Tensor, readonly number[], readonly number[]], Tensor>("aten::as_strided");

function valueLike(value: CalledValue, random: RandomGenerator, device: Device): Value {
  if (Array.isArray(value)) return value.map((element) => valueLike(element, random, device));
  if (!isTensor(value)) return value as Value;
  const { shape, strides, dtype } = value;
  const extent = shape.reduce((last, size, i) => last + (size - 1) * (strides[i] as number), 1);
  return asStrided(randn([extent], random, dtype).to(device), shape, strides);
}

function describe({ shape, strides, dtype }: TensorNote): string {
  return `${dtype}[${shape.join(",")}] ${layoutOf(shape, strides)}`;
}

function layoutOf(shape: readonly number[], strides: readonly number[]): string {
  const rowMajor = denseStrides(shape, [...shape.keys()]);
  // Strides of dimensions of length 1 say nothing.
  const equals = (expected: readonly number[]) => shape.every((size, i) => size === 1 || strides[i] === expected[i]);
  if (equals(rowMajor)) return "row-major";
  if (shape.length === 4 && equals(denseStrides(shape, [0, 2, 3, 1]))) return "channels last";
  if (shape.length === 2 && equals(denseStrides(shape, [1, 0]))) return "transposed";
  return `strides ${strides.join(",")}`;
}

/** Strides of a dense tensor whose dimensions lie in this order, the last one densest. */
function denseStrides(shape: readonly number[], order: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const dimension of order.toReversed()) {
    strides[dimension] = stride;
    stride *= shape[dimension] as number;
  }
  return strides;
}
