import { closeSync, fstatSync, openSync, readSync } from "node:fs";

// The key-value pairs that an ONNX file may carry ("metadata_props"), which ONNX Runtime does not hand out in Node. A
// ModelProto is a protobuf message; its other fields are skipped without being read, for they hold the weights.

/** Field of ModelProto with the pairs, and of a pair with its key and value. */
const pairsField = 14;
const [keyField, valueField] = [1, 2];
/** Longest pair that is read. */
const longest = 65536;

/** @returns the pairs; none if the file is not a protobuf message, which ONNX Runtime then says better */
export function readOnnxMetadata(path: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    for (let at = 0; at < size; ) {
      const head = readAt(file, at, Math.min(20, size - at));
      const field = readField(head, 0);
      if (!field || at + field.end > size) return pairs;
      if (field.number === pairsField && field.length !== undefined && field.length <= longest) {
        readPair(readAt(file, at + field.start, field.length), pairs);
      }
      at += field.end;
    }
    return pairs;
  } finally {
    closeSync(file);
  }
}

function readPair(bytes: Buffer, pairs: Map<string, string>): void {
  const found = new Map<number, string>();
  for (let at = 0; at < bytes.length; ) {
    const field = readField(bytes, at);
    if (!field || field.end > bytes.length) return;
    if (field.length !== undefined) found.set(field.number, bytes.toString("utf8", field.start, field.end));
    at = field.end;
  }
  const [key, value] = [found.get(keyField), found.get(valueField)];
  if (key !== undefined && value !== undefined) pairs.set(key, value);
}

interface Field {
  readonly number: number;
  /** Where its content begins and ends. */
  readonly start: number;
  readonly end: number;
  /** Bytes of its content, if it is of the kind that has a length. */
  readonly length?: number;
}

function readField(bytes: Buffer, at: number): Field | undefined {
  const tag = readVarint(bytes, at);
  if (!tag) return undefined;
  const number = Math.floor(tag.value / 8);
  const fixed = { 1: 8, 5: 4 }[tag.value % 8];
  if (fixed !== undefined) return { number, start: tag.end, end: tag.end + fixed };
  const value = readVarint(bytes, tag.end);
  if (!value) return undefined;
  if (tag.value % 8 === 0) return { number, start: tag.end, end: value.end };
  if (tag.value % 8 !== 2) return undefined;
  return { number, start: value.end, end: value.end + value.value, length: value.value };
}

/** Seven bits a byte, lowest first, to 2^53. */
function readVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return undefined;
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, end: start + i + 1 };
  }
  // Negative numbers take ten bytes; they are no lengths.
  return (bytes[start + 9] ?? 128) < 128 ? { value: Number.POSITIVE_INFINITY, end: start + 10 } : undefined;
}

function readAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
}
