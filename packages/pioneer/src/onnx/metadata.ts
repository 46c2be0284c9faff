// The key-value pairs that an ONNX file may carry ("metadata_props"), which ONNX Runtime does not hand out in Node.
import { closeSync, readSync } from "node:fs";
import protobuf from "protobufjs/light.js";
import { openFile } from "../base/read.ts";
import { decodePair, pairsField } from "./messages.ts";

/** Longest pair that is read. */
const longest = 65536;
/** A tag and a length, or a number, take at most so many bytes. */
const headBytes = 20;

/**
 * The rest of the file holds the weights. It is skipped without being read, so the fields of the outermost message are
 * walked here: protobufjs reads only what is in memory.
 * @returns the pairs; none if the file is not a protobuf message, which ONNX Runtime then says better
 */
export function readOnnxMetadata(path: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const { fd: file, bytes: size } = openFile(path);
  try {
    for (let at = 0; at < size; ) {
      const reader = protobuf.Reader.create(readAt(file, at, Math.min(headBytes, size - at)));
      const tag = reader.tag();
      const length = (tag & 7) === 2 ? reader.uint32() : undefined;
      if (length === undefined) reader.skipType(tag & 7);
      const start = at + reader.pos;
      at = start + (length ?? 0);
      if (tag >>> 3 !== pairsField || length === undefined || length > longest || at > size) continue;
      const { key, value } = decodePair(readAt(file, start, length));
      pairs.set(key, value);
    }
  } catch (error) {
    // The disk's errors have a code; those of protobufjs, which say that the bytes are no message, have none.
    if (error instanceof Error && "code" in error) throw error;
  } finally {
    closeSync(file);
  }
  return pairs;
}

function readAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
}
