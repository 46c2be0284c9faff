// The messages of an ONNX file that we write or read, with the field numbers of the ONNX project's onnx.proto (IR version 8; Apache-2.0).
import protobuf from "protobufjs/light.js";

/** A node's named constant: exactly one of the values, as `type` says. */
export interface AttributeProto {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: TensorProto | null;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
}

export interface NodeProto {
  readonly name: string;
  /** Whose operator it is; empty: ONNX's own. */
  readonly domain?: string;
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeProto[];
}

export interface TensorProto {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  /** Little-endian, row-major. */
  readonly rawData: Uint8Array;
  /** The elements, where `rawData` is empty. */
  readonly floatData?: readonly number[];
  readonly int64Data?: readonly number[];
  /** 1: the elements are in another file. */
  readonly dataLocation?: number;
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[] };
    };
  };
}

export interface GraphProto {
  readonly name: string;
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
}

export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly docString: string;
  readonly graph: GraphProto;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

/** AttributeProto.AttributeType */
export const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

/** TensorProto.DataType */
export const dataTypes = { float32: 1, int8: 3, int64: 7, float16: 10 } as const;

const one = (id: number, type: string) => ({ id, type });
const many = (id: number, type: string) => ({ id, type, rule: "repeated" });
const packed = (id: number, type: string) => ({ ...many(id, type), options: { packed: true } });

const messages = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: one(1, "int64"),
        producerName: one(2, "string"),
        producerVersion: one(3, "string"),
        docString: one(6, "string"),
        graph: one(7, "GraphProto"),
        opsetImport: many(8, "OperatorSetIdProto"),
        metadataProps: many(14, "StringStringEntryProto"),
      },
    },
    OperatorSetIdProto: { fields: { domain: one(1, "string"), version: one(2, "int64") } },
    StringStringEntryProto: { fields: { key: one(1, "string"), value: one(2, "string") } },
    GraphProto: {
      fields: {
        node: many(1, "NodeProto"),
        name: one(2, "string"),
        initializer: many(5, "TensorProto"),
        input: many(11, "ValueInfoProto"),
        output: many(12, "ValueInfoProto"),
      },
    },
    NodeProto: {
      fields: {
        input: many(1, "string"),
        output: many(2, "string"),
        name: one(3, "string"),
        opType: one(4, "string"),
        domain: one(7, "string"),
        attribute: many(5, "AttributeProto"),
      },
    },
    AttributeProto: {
      fields: {
        name: one(1, "string"),
        f: one(2, "float"),
        i: one(3, "int64"),
        s: one(4, "bytes"),
        t: one(5, "TensorProto"),
        floats: packed(7, "float"),
        ints: packed(8, "int64"),
        type: one(20, "int32"),
      },
    },
    TensorProto: {
      fields: {
        dims: packed(1, "int64"),
        dataType: one(2, "int32"),
        floatData: packed(4, "float"),
        int64Data: packed(7, "int64"),
        name: one(8, "string"),
        rawData: one(9, "bytes"),
        dataLocation: one(14, "int32"),
      },
    },
    ValueInfoProto: { fields: { name: one(1, "string"), type: one(2, "TypeProto") } },
    TypeProto: { fields: { tensorType: one(1, "TensorTypeProto") } },
    TensorTypeProto: { fields: { elemType: one(1, "int32"), shape: one(2, "TensorShapeProto") } },
    TensorShapeProto: { fields: { dim: many(1, "DimensionProto") } },
    DimensionProto: { fields: { dimValue: one(1, "int64"), dimParam: one(2, "string") } },
  },
});

const modelType = messages.lookupType("ModelProto");
const pairType = messages.lookupType("StringStringEntryProto");

/** Field of the model with its pairs. */
export const pairsField = modelType.fields.metadataProps?.id;

/** One of the pairs. @throws RangeError or Error of the library if the bytes are none */
export const decodePair = (bytes: Uint8Array): { readonly key: string; readonly value: string } =>
  pairType.toObject(pairType.decode(bytes), { defaults: true }) as { key: string; value: string };

/** The bytes of an ONNX file. */
export function encodeModel(model: ModelProto): Uint8Array {
  return modelType.encode(modelType.fromObject({ ...model })).finish();
}

/** A network of a thousand nodes has some ten thousand parts; what a file of more would take in memory has no bound. */
const mostParts = 1_000_000;

/**
 * What an ONNX file says; elements of tensors are views of `bytes`. What it says is not checked.
 * @throws Error in one line if the bytes are no such message, or one of more than a million parts beside its elements
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  // Of a Buffer it is the reader that copies nothing.
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  countParts(protobuf.Reader.create(buffer), modelType, buffer.length, { left: mostParts });
  const reader = protobuf.Reader.create(buffer);
  reader.discardUnknown = true;
  return modelType.toObject(modelType.decode(reader), { longs: Number, defaults: true }) as ModelProto;
}

/** Counts what decoding would make objects or numbers of, without making them. */
function countParts(reader: protobuf.Reader, type: protobuf.Type, end: number, parts: { left: number }): void {
  while (reader.pos < end) {
    const tag = reader.tag();
    const field = type.fieldsById[tag >>> 3]?.resolve();
    if (field && --parts.left < 0) throw new Error(`more than ${mostParts} parts`);
    if ((tag & 7) !== 2) {
      reader.skipType(tag & 7);
      continue;
    }
    const length = reader.uint32();
    const next = reader.pos + length;
    if (next > end) throw new Error("it ends early");
    if (field?.resolvedType instanceof protobuf.Type) countParts(reader, field.resolvedType, next, parts);
    // Whole numbers may take one byte each, and become objects on their way.
    else if (field?.type === "int64") parts.left -= length;
    reader.pos = next;
  }
}
