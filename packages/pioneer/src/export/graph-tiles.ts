// 3x3 convolutions with fewer multiplications than they are written with. They leave an image taken apart, "tiles":
// [batch, side², channels, (r / side)²], where part side * a + b holds the pixels (side i + a, side j + b).
import type { Tensor } from "pioneer-torch";
import type { FoldedLayer } from "../networks/folded.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { inputOfTile, kernelOfTile, outputOfTile, tileSide } from "./winograd.ts";

/** Of `tiledConvolution`. */
const [parts, products, sees] = [tileSide ** 2, (tileSide + 2) ** 2, tileSide + 2];

/**
 * Whether ONNX Runtime computes a convolution faster in tiles, in WASM at least: in Node some take 1.15 of the time so. With fewer
 * channels moving values takes longer than the saved multiplications, with fewer pixels reading the kernels, which are four times
 * as large (docs/export.md).
 * @param r height and width
 */
export const isTiled = (into: number, out: number, r: number): boolean =>
  r >= 16 && Math.min(into, out) >= (r === 16 ? 128 : 64);

/**
 * 3x3 convolution with bias, same size, in Winograd's form: a quarter of the multiplications.
 * @param r height and width @returns tiles of 4x4: [batch, in, r, r] -> [batch, 16, out, (r / 4)²]
 */
export function tiledConvolution(
  build: GraphBuilder,
  name: string,
  x: string,
  { weight, bias }: FoldedLayer,
  r: number,
): string {
  const [out, into] = weight.shape as [number, number];
  const count = (r / tileSide) ** 2;
  const kernels = kernelsOfTiles(build, `${name}.kernels`, weight);
  const inputs = inputsOfTiles(build, `${name}.inputs`, x, into, r);
  const multiplied = build.node(`${name}.products`, "MatMul", [kernels, inputs]);
  const rows = build.reshape(`${name}.rows`, multiplied, [-1, products, out * count]);
  const gather = build.constant(`${name}.gather`, outputOfTile, [parts, products]);
  const outputs = build.node(`${name}.outputs`, "MatMul", [gather, rows]);
  const tiles = build.reshape(`${name}.tiles`, outputs, [-1, parts, out, count]);
  return build.node(name, "Add", [tiles, build.tensor(`${name}.bias`, bias.reshape([out, 1]))]);
}

/** [out, in, 3, 3] -> [36, out, in]. The file holds the taps; ONNX Runtime computes this once, as it loads. */
function kernelsOfTiles(build: GraphBuilder, name: string, weight: Tensor): string {
  const [out, into] = weight.shape as [number, number];
  const taps = build.weight(`${name}.weight`, weight.permute([2, 3, 0, 1]).reshape([9, out, into]), 1);
  const columns = build.reshape(`${name}.columns`, taps, [9, out * into]);
  const summed = build.node(`${name}.sums`, "MatMul", [
    build.constant(`${name}.fold`, kernelOfTile, [products, 9]),
    columns,
  ]);
  return build.reshape(name, summed, [products, out, into]);
}

/** [batch, c, r, r] -> [batch, 36, c, (r / 4)²]: each channel is a picture by itself, and a convolution reads its tiles. */
function inputsOfTiles(build: GraphBuilder, name: string, x: string, c: number, r: number): string {
  const planes = build.reshape(`${name}.planes`, x, [-1, 1, r, r]);
  const read = build.constant(`${name}.read`, inputOfTile, [products, 1, sees, sees]);
  const window = { kernel_shape: [sees, sees], strides: [tileSide, tileSide], pads: [1, 1, 1, 1] };
  const seen = build.node(`${name}.seen`, "Conv", [planes, read], window);
  const channels = build.reshape(`${name}.channels`, seen, [-1, c, products, (r / tileSide) ** 2]);
  return build.node(name, "Transpose", [channels], { perm: [0, 2, 1, 3] });
}

/** In a row of taps (a, b, c), which of them the two pixels that an even column sees are multiplied with, and an odd column. */
const columns = [
  [[1, 0, 0], [0, 1, 1]], // biome-ignore format: a table
  [[1, 1, 0], [0, 0, 1]], // biome-ignore format: a table
] as const;

/**
 * 3x3 convolution with bias of a picture enlarged twofold by repetition, computed from the small one: a third of the multiplications.
 * In columns it sums two pixels instead of three. In rows, with taps a, b, c and s = a + b + c, the two outputs of a pixel y between
 * x and z are a x + (b + c) y = s y - a (y - x) and (a + b) y + c z = s y + c (z - y): three products instead of four.
 * @param r height and width of x @returns tiles of 2x2: [batch, in, r, r] -> [batch, 4 out, r, r]
 */
export function upsampledConvolution(
  build: GraphBuilder,
  name: string,
  x: string,
  { weight, bias }: FoldedLayer,
  r: number,
): string {
  const [out, into] = weight.shape as [number, number];
  const taps = build.weight(`${name}.weight`, weight.reshape([out, into, 9]), 0);
  const addend = build.tensor(`${name}.bias`, bias);
  const convolution = (part: string, input: string, rows: readonly number[], odd: number, inputs: string[] = []) => {
    const [left, right] = columns[odd] as (typeof columns)[number];
    const fold = rows.flatMap((row) => left.flatMap((tap, i) => [row * tap, row * (right[i] as number)]));
    const summed = build.node(`${part}.sums`, "MatMul", [taps, build.constant(`${part}.fold`, fold, [9, 2])]);
    const kernel = build.reshape(`${part}.kernel`, summed, [out, into, 1, 2]);
    const attributes = { kernel_shape: [1, 2], pads: [0, 1 - odd, 0, odd] };
    return build.node(part, "Conv", [input, kernel, ...inputs], attributes);
  };
  const middle = [0, 1].map((odd) => convolution(`${name}.middle${odd}`, x, [1, 1, 1], odd, [addend]));
  const [before, after] = rowSteps(build, name, x, r);
  const part = (of: string, steps: string, rows: readonly number[]) =>
    middle.map((sum, odd) =>
      build.node(`${of}${odd}`, "Add", [convolution(`${of}.step${odd}`, steps, rows, odd), sum]),
    );
  const parts = [...part(`${name}.even`, before, [-1, 0, 0]), ...part(`${name}.odd`, after, [0, 0, 1])];
  return build.node(name, "Concat", parts, { axis: 1 });
}

/** Of each row, what it has more than the row before it, and the row after it more than it; there are zeros around the picture. */
function rowSteps(build: GraphBuilder, name: string, x: string, r: number): [string, string] {
  const padded = (of: string, above: number, below: number) =>
    build.node(`${name}.${of}`, "Pad", [x, build.integers(`${name}.${of}.sides`, [0, 0, above, 0, 0, 0, below, 0])]);
  const steps = build.node(`${name}.steps`, "Sub", [padded("lower", 0, 1), padded("upper", 1, 0)]);
  const axis = build.integers(`${name}.height`, [2]);
  const rows = (of: string, from: number) => {
    const ends = [from, from + r].map((row) => build.integers(`${name}.${of}.${row}`, [row]));
    return build.node(`${name}.${of}`, "Slice", [steps, ...ends, axis]);
  };
  return [rows("before", 0), rows("after", 1)];
}

/**
 * The image of which tiles are: [batch, side², c, (r / side)²] -> [batch, c, r, r]. First columns, then rows: in ONNX Runtime two
 * Transposes of one axis each take 0.7 of a DepthToSpace with blocks of 2x2, and as long as one with 4x4.
 */
export function joined(build: GraphBuilder, name: string, tiles: string, c: number, r: number, side: number): string {
  const n = r / side;
  const rows = (of: string, value: string, dims: readonly number[], perm: readonly number[]) =>
    build.node(`${name}.${of}`, "Transpose", [build.reshape(`${name}.${of}.apart`, value, dims)], { perm });
  const lines = rows("lines", tiles, [-1, side, c * n * n], [0, 2, 1]);
  return build.reshape(name, rows("rows", lines, [-1, side, c * n, r], [0, 2, 1, 3]), [-1, c, r, r]);
}

/** Means over 2x2 squares: tiles [batch, 16, c, (r / 4)²] -> the image [batch, c, r / 2, r / 2] */
export function pooledTiles(build: GraphBuilder, name: string, tiles: string, c: number, r: number): string {
  const isOf = (square: number, part: number) =>
    square === 2 * Math.floor(part / 8) + Math.floor((part % tileSide) / 2);
  const means = [0, 1, 2, 3].flatMap((square) =>
    Array.from({ length: parts }, (_, part) => (isOf(square, part) ? 1 / 4 : 0)),
  );
  const flat = build.reshape(`${name}.flat`, tiles, [-1, parts, c * (r / tileSide) ** 2]);
  const mean = build.node(`${name}.mean`, "MatMul", [build.constant(`${name}.means`, means, [4, parts]), flat]);
  return joined(build, name, mean, c, r / 2, 2);
}

/** 1x1 convolution with bias, to RGB: tiles [batch, 16, in, (r / 4)²] -> images [batch, 3, r, r] */
export function rgbOfTiles(
  build: GraphBuilder,
  name: string,
  tiles: string,
  { weight, bias }: FoldedLayer,
  r: number,
): string {
  const [out, into] = weight.shape as [number, number];
  const matrix = build.weight(`${name}.weight`, weight.reshape([out, into]), 0);
  const product = build.node(`${name}.product`, "MatMul", [matrix, tiles]);
  const addend = build.tensor(`${name}.bias`, bias.reshape([out, 1]));
  return joined(build, name, build.node(`${name}.shifted`, "Add", [product, addend]), out, r, tileSide);
}
