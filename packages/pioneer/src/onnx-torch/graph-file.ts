// An ONNX file as a graph: nodes, constants, inputs and outputs, checked against each other and against the length of the file.
import { DataError } from "../base/errors.ts";
import { largestGraph, readWholeSync } from "../base/read.ts";
import {
  type AttributeProto,
  dataTypes,
  decodeModel,
  type GraphProto,
  type ModelProto,
  type TensorProto,
  type ValueInfoProto,
} from "../onnx/messages.ts";
import type { Port } from "../onnx/protocol.ts";

/** Elements of a constant: float32, or whole numbers (int64), which say shapes and axes. */
export interface Constant {
  readonly shape: readonly number[];
  readonly data: Float32Array | readonly number[];
}

export interface GraphNode {
  readonly name: string;
  /** Its operator in ONNX's own set. */
  readonly operator: string;
  /** Names of values; empty where an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
}

export interface Graph {
  /** In an order in which they can be computed. */
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** What the file says of itself, by key. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Something that a file asks for and that is not computed here, in words that follow its name and a colon. */
export class UnsupportedError extends Error {}

/** Versions of the operator set whose operators mean what onnx-torch/operators.ts makes of them. */
const operatorSets = { first: 11, last: 22 };

/**
 * @throws DataError if the file cannot be read or is no ONNX file; UnsupportedError if it needs more than is computed here
 */
export function readGraph(path: string): Graph {
  return graphOf(decoded(path));
}

function decoded(path: string): ModelProto {
  const damaged = (why: string, cause?: unknown) =>
    new DataError(`${path} is not an ONNX file, or a damaged one (${why}): export it again`, { cause });
  const bytes = readWholeSync(path, largestGraph);
  try {
    const model = decodeModel(bytes);
    if (model.graph) return model;
  } catch (error) {
    throw damaged(error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error), error);
  }
  throw damaged("it has no graph");
}

function graphOf({ graph, opsetImport, metadataProps }: ModelProto): Graph {
  const set = opsetImport.find(({ domain }) => isOnnx(domain))?.version ?? 0;
  if (set < operatorSets.first || set > operatorSets.last) {
    const known = `${operatorSets.first} to ${operatorSets.last}`;
    throw new UnsupportedError(
      `it was written for operator set ${set}, known are ${known}: export it with opset_version=17`,
    );
  }
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, constantOf(tensor)]));
  // Older files list their constants among the inputs too.
  const inputs = graph.input.filter(({ name }) => !constants.has(name)).map(portOf);
  return {
    nodes: nodesOf(graph, new Set([...constants.keys(), ...inputs.map(({ name }) => name)])),
    constants,
    inputs,
    outputs: graph.output.map(portOf),
    metadata: new Map(metadataProps.map(({ key, value }) => [key, value])),
  };
}

/** @param known names of values that are there before the first node; those of the nodes are added */
function nodesOf(graph: GraphProto, known: Set<string>): GraphNode[] {
  const nodes = graph.node.map(({ name, domain = "", opType, input, output, attribute }) => {
    const node = { name, operator: opType, inputs: input, outputs: output, attributes: attribute };
    if (!isOnnx(domain)) throw new UnsupportedError(`${describe(node)} is of ${shown(domain)}, not ONNX's own`);
    for (const value of input) {
      if (value !== "" && !known.has(value)) {
        throw new UnsupportedError(`${describe(node)} takes ${shown(value)}, which nothing before it gives`);
      }
    }
    for (const value of output) {
      if (value !== "" && known.has(value)) {
        throw new UnsupportedError(`${describe(node)} gives ${shown(value)}, which is there already`);
      }
      known.add(value);
    }
    return node;
  });
  for (const { name } of graph.output) {
    if (!known.has(name)) throw new UnsupportedError(`it has an output ${shown(name)} that no node gives`);
  }
  return nodes;
}

const isOnnx = (domain: string) => domain === "" || domain === "ai.onnx";

/** A node as messages call it. */
export const describe = ({ name, operator }: Pick<GraphNode, "name" | "operator">): string =>
  `node ${shown(name) || "without a name"} (${shown(operator)})`;

/** Text from a file as part of one line. */
export function shown(text: string): string {
  const line = text.replace(/\p{C}+/gu, " ");
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}

/** @throws UnsupportedError if its elements are of another type or place, or not as many as its shape says */
export function constantOf({ name, dims, dataType, rawData, ...lists }: TensorProto): Constant {
  const what = `constant ${shown(name) || "without a name"}`;
  if (lists.dataLocation === 1) {
    throw new UnsupportedError(
      `it keeps ${what} in another file: export it as one (torch.onnx.export: external_data=False)`,
    );
  }
  const kinds: Record<number, { bytes: number; list: readonly number[] }> = {
    [dataTypes.float32]: { bytes: 4, list: lists.floatData ?? [] },
    [dataTypes.int64]: { bytes: 8, list: lists.int64Data ?? [] },
  };
  const kind = kinds[dataType];
  if (!kind) {
    throw new UnsupportedError(
      `it has ${what} of type ${dataType} of ONNX's numbering; float32 (1) and int64 (7) are supported`,
    );
  }
  const found = rawData.length > 0 ? rawData.length / kind.bytes : kind.list.length;
  if (dims.some((size) => size < 0) || dims.reduce((product, size) => product * size, 1) !== found) {
    throw new UnsupportedError(
      `it is damaged, ${what} of shape [${dims.slice(0, 8).join(", ")}] has ${found} elements`,
    );
  }
  if (rawData.length === 0) {
    return { shape: dims, data: dataType === dataTypes.float32 ? Float32Array.from(kind.list) : kind.list };
  }
  // A copy, which begins where an array of such elements may.
  const bytes = Uint8Array.from(rawData).buffer;
  return {
    shape: dims,
    data: dataType === dataTypes.float32 ? new Float32Array(bytes) : Array.from(new BigInt64Array(bytes), Number),
  };
}

/** ONNX's types of elements that inputs of pictures may have. */
const typeNames: Record<number, string> = { 1: "float32", 2: "uint8", 10: "float16", 11: "float64" };

function portOf({ name, type }: ValueInfoProto): Port {
  const tensor = type?.tensorType;
  return {
    name,
    type: tensor ? (typeNames[tensor.elemType] ?? `type ${tensor.elemType}`) : "other",
    shape: (tensor?.shape?.dim ?? []).map(({ dimValue, dimParam }) => (dimParam ? shown(dimParam) : (dimValue ?? "?"))),
  };
}
