import { PioneerError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import { encodeModel } from "../onnx/messages.ts";
import type { GraphBuilder, WeightFormat } from "./graph-builder.ts";

/** Operator set and file version that ONNX Runtime reads from 1.11 on. */
const operatorSet = 17;
const irVersion = 8;

/** A protobuf message, which an ONNX file is, holds less than 2 GiB. Names and nodes take far less than this margin. */
export const largestFile = 2 ** 31 - 2 ** 24;

const mends: Record<WeightFormat, string> = {
  fp32: "give --dtype fp16 or int8",
  fp16: "give --dtype int8",
  int8: "train a model with fewer channels",
};

/**
 * The bytes of an ONNX file.
 * @param metadata what the file says of itself, by key
 * @throws PioneerError if its weights do not fit in one file
 */
export function onnxFile(graph: GraphBuilder, metadata: Readonly<Record<string, string>>): Uint8Array {
  if (graph.bytes > largestFile) {
    const gigabytes = (graph.bytes / 1e9).toFixed(1);
    const limit = `the ${graph.name} has ${gigabytes} GB of weights, and an ONNX file holds at most 2.1 GB`;
    throw new PioneerError("EXPORT", `${limit}: ${mends[graph.format]}`);
  }
  return encodeModel({
    irVersion,
    producerName: "pioneer",
    producerVersion: version,
    docString: "",
    graph: graph.graph(),
    opsetImport: [{ domain: "", version: operatorSet }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
}
