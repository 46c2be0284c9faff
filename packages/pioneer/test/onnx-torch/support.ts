import { readFileSync } from "node:fs";
import type { Tensor } from "pioneer-torch";
import { tensor } from "pioneer-torch";
import { type AttributeProto, encodeModel, type NodeProto, type TensorProto } from "../../src/onnx/messages.ts";
import { fixture } from "../support/fixture.ts";

interface Reference {
  readonly operators: readonly string[];
  /** Of two pairs of pictures. */
  readonly values: readonly number[];
  /** Of the sum of the values by the second pictures, [2, 3, 16, 16]. */
  readonly gradient: readonly number[];
}
export type Fixture = "lpips" | "operators-12" | "operators-18";
export const reference = JSON.parse(readFileSync(fixture("lpips/reference.json"), "utf8")) as Record<
  Fixture,
  Reference
>;

/** The pictures of fixtures/lpips/make-lpips.py, in [-1, 1]. */
export function pictures(seed: number, count = 2, size = 16): Tensor {
  const at = Float32Array.from(
    { length: count * 3 * size * size },
    (_, i) => Math.sin(i * (0.0137 + 0.0071 * seed)) * 0.8 + Math.cos(i * 0.71) * 0.2,
  );
  return tensor(at, [count, 3, size, size]);
}

/** |got - wanted| / |wanted|, lengths of all numbers together. */
export function difference(got: Iterable<number>, wanted: readonly number[]): number {
  const error = [...got].map((value, i) => value - (wanted[i] ?? Number.NaN));
  return Math.hypot(...error) / Math.hypot(...wanted);
}

export type Nodes = (Pick<NodeProto, "opType" | "input" | "output"> & Partial<NodeProto>)[];

export interface Written {
  readonly constants?: readonly TensorProto[];
  readonly opset?: number;
  readonly range?: string;
  readonly outputs?: readonly string[];
  readonly elemType?: number;
  /** Of both inputs; 0 is a free size. */
  readonly dims?: readonly number[];
}

/** The bytes of a network from a and b to out. */
export function network(nodes: Nodes, options: Written = {}): Uint8Array {
  const { constants = [], opset = 17, range = "-1..1", outputs = ["out"], elemType = 1, dims = [0, 3, 0, 0] } = options;
  const port = (name: string, sizes: readonly number[]) => ({
    name,
    type: {
      tensorType: {
        elemType: name === "out" ? 1 : elemType,
        shape: { dim: sizes.map((size, i) => (size > 0 ? { dimValue: size } : { dimParam: `d${i}` })) },
      },
    },
  });
  return encodeModel({
    irVersion: 8,
    producerName: "test",
    producerVersion: "",
    docString: "",
    opsetImport: [{ domain: "", version: opset }],
    metadataProps: [{ key: "pioneer.range", value: range }],
    graph: {
      name: "test",
      node: nodes.map((node) => ({ name: `n/${node.opType}`, attribute: [], ...node })),
      initializer: constants,
      input: ["a", "b"].map((name) => port(name, dims)),
      output: outputs.map((name) => port(name, [dims[0] ?? 0])),
    },
  });
}

export const whole = (name: string, ints: readonly number[]): AttributeProto => ({ name, type: 7, ints });
export const int = (name: string, i: number): AttributeProto => ({ name, type: 2, i });
export const word = (name: string, s: string): AttributeProto => ({ name, type: 3, s: Buffer.from(s) });

export function floats(name: string, dims: readonly number[], data: ArrayLike<number>): TensorProto {
  return { name, dataType: 1, dims, rawData: new Uint8Array(Float32Array.from(data).buffer) };
}

/** Mean over all but the batch of (left - right)², named out. */
export const meanSquare = (left: string, right: string): Nodes => [
  { opType: "Sub", input: [left, right], output: ["d"] },
  { opType: "Mul", input: ["d", "d"], output: ["dd"] },
  {
    opType: "ReduceMean",
    input: ["dd"],
    output: ["out"],
    attribute: [whole("axes", [1, 2, 3]), int("keepdims", 0)],
  },
];
