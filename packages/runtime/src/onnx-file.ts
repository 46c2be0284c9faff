// What an ONNX file asks ONNX Runtime to read beside itself. Only the frame of the file is walked: weights are skipped, and
// nothing is made of it but an answer. The field numbers are those of the ONNX project's onnx.proto (Apache-2.0).

/** Messages that may hold tensors, each with the fields to look into. */
const holders = {
  model: { 7: "graph", 20: "training", 25: "function" },
  training: { 1: "graph", 2: "graph" },
  function: { 7: "node", 11: "attribute" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: {},
} as const satisfies Record<string, Readonly<Record<number, string>>>;
type Holder = keyof typeof holders;

/** Fields of a tensor: its name, what other file it is in, whether it is in one. */
const tensorFields = { name: 8, externalData: 13, dataLocation: 14 };
/** Nested as deep as protobuf's own readers go. */
const deepest = 100;
const longestName = 60;

/**
 * Why a graph must not be given to ONNX Runtime, which would read a tensor with "external data" from any file that the
 * graph names, seen from the working directory, or from any place in memory.
 * @param bytes of an ONNX file
 * @returns the reason in words that follow the file's name; undefined where there is none
 */
export function graphProblem(bytes: Uint8Array): string | undefined {
  // ONNX Runtime's own format, which it also takes, may name other files too.
  if (String.fromCharCode(...bytes.subarray(4, 8)) === "ORTM") return "is in ONNX Runtime's own format, not in ONNX's";
  try {
    const name = externalTensor(bytes, "model", 0);
    if (name === undefined) return undefined;
    return `wants its tensor ${JSON.stringify(name)} read from another file, which is never done`;
  } catch (error) {
    if (!(error instanceof BrokenError)) throw error;
    return `is not an ONNX file, or a damaged one (${error.message})`;
  }
}

class BrokenError extends Error {}

/** The name of the first tensor whose elements are elsewhere. */
function externalTensor(bytes: Uint8Array, holder: Holder, depth: number): string | undefined {
  if (depth > deepest) throw new BrokenError(`nested deeper than ${deepest}`);
  const inside: Readonly<Record<number, Holder>> = holders[holder];
  let name = "";
  let external = false;
  for (const { field, number, message } of fieldsOf(bytes)) {
    if (holder === "tensor") {
      if (field === tensorFields.name && message) name = new TextDecoder().decode(message.subarray(0, longestName));
      external ||= field === tensorFields.externalData;
      external ||= field === tensorFields.dataLocation && number !== 0;
    } else if (message && inside[field]) {
      const found = externalTensor(message, inside[field], depth + 1);
      if (found !== undefined) return found;
    }
  }
  return external ? name : undefined;
}

interface Field {
  readonly field: number;
  /** Of a whole number, its lowest 32 bits; they are all that an enumeration has. */
  readonly number?: number;
  /** Of bytes, text or a message. */
  readonly message?: Uint8Array;
}

/** @throws BrokenError where the bytes are no protobuf message, or one with groups, which ONNX has none of */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (longest: number): number => {
    let value = 0;
    for (let i = 0; i < longest; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw new BrokenError("it ends early");
      if (i < 5) value |= (byte & 127) << (7 * i);
      if (byte < 128) return value >>> 0;
    }
    throw new BrokenError("a number in it has no end");
  };
  while (at < bytes.length) {
    const tag = varint(5);
    const field = tag >>> 3;
    const type = tag & 7;
    if (field === 0) throw new BrokenError("a field in it has no number");
    if (type === 0) {
      yield { field, number: varint(10) };
      continue;
    }
    const length = type === 1 ? 8 : type === 5 ? 4 : type === 2 ? varint(5) : undefined;
    if (length === undefined) throw new BrokenError(`a field in it is of the unknown type ${type}`);
    if (at + length > bytes.length) throw new BrokenError("it ends early");
    yield type === 2 ? { field, message: bytes.subarray(at, at + length) } : { field };
    at += length;
  }
}
