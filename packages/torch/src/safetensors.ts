// The safetensors format: 8-byte little-endian header length, JSON header, raw little-endian data.
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { noGrad } from "./autograd.ts";
import { type DType, elementBytes } from "./dtype.ts";
import { TorchError } from "./errors.ts";
import { fromFile } from "./ops.ts";
import { keep, scope } from "./scope.ts";
import { type Tensor, tensor } from "./tensor.ts";

const formatNames = {
  U8: "uint8",
  I8: "int8",
  I16: "int16",
  I32: "int32",
  I64: "int64",
  F16: "float16",
  BF16: "bfloat16",
  F32: "float32",
  F64: "float64",
  BOOL: "bool",
} as const satisfies Record<string, DType>;
const formatNameOf = new Map<DType, string>(Object.entries(formatNames).map(([format, dtype]) => [dtype, format]));

/** Headers are a few hundred kB; a larger one is a damaged length. */
const maxHeaderBytes = 100 * 1024 * 1024;

/** libtorch's tensors have no more. */
const mostDimensions = 64;

export interface SafetensorsFile {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Record<string, string>;
}

/**
 * Writes tensors in the map's order and fsyncs. Any device and memory format; the bytes are row-major.
 * The caller writes beside and renames where a half-written file must not appear.
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  // A map, not an object: tensors may be called "__proto__".
  const header = new Map<string, unknown>(Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : []);
  let offset = 0;
  for (const [name, value] of tensors) {
    if (name === "__metadata__") throw new TorchError(`${path}: no tensor can be called __metadata__ in safetensors`);
    const { dtype, shape } = value;
    const end = offset + value.length * elementBytes[dtype];
    header.set(name, { dtype: formatNameOf.get(dtype), shape, data_offsets: [offset, end] });
    offset = end;
  }
  let text = JSON.stringify(Object.fromEntries(header));
  // Data starts at a multiple of 8, so that every element type can be read in place.
  text += " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  // Not through a link: a folder may come from somebody else.
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o666);
  try {
    writeAll(fd, length);
    writeAll(fd, Buffer.from(text));
    for (const value of tensors.values()) {
      noGrad(() =>
        scope(() => {
          const { buffer, byteOffset, byteLength } = value.detach().view();
          writeAll(fd, new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
        }),
      );
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  // One write(2) moves at most 2 GiB.
  const chunk = 1 << 30;
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, Math.min(chunk, bytes.length - at));
}

/**
 * Reads a safetensors file. The tensors own their memory; they are not in any scope.
 * @throws TorchError naming the file and what is wrong with it: cut short, no header, offsets outside
 */
export function readSafetensors(path: string): SafetensorsFile {
  const wrong = wrongFile(path);
  const { metadata, entries, dataStart, size } = readHeader(path, wrong);
  const places = placesOf(entries, size - dataStart, wrong);
  const tensors = scope(() => {
    const read = new Map<string, Tensor>();
    const bytes = fromFile(path, size);
    for (const [name, { dtype, shape, from, to }] of places) {
      if (from === to) {
        read.set(name, tensor(new Uint8Array(0), shape, { dtype }));
        continue;
      }
      // clone() both frees the mapping and aligns what a foreign writer left unaligned.
      const raw = bytes.narrow(0, dataStart + from, to - from).clone();
      read.set(name, raw.viewAs(dtype).reshape(shape));
    }
    return read;
  });
  for (const value of tensors.values()) keep(value);
  return { tensors, metadata };
}

/**
 * The metadata of a safetensors file from its header alone; libtorch is not needed.
 * @throws TorchError naming the file where it has no header
 */
export const readSafetensorsMetadata = (path: string): Record<string, string> =>
  readHeader(path, wrongFile(path)).metadata;

type Wrong = (reason: string, cause?: unknown) => TorchError;

const wrongFile =
  (path: string): Wrong =>
  (reason, cause) =>
    new TorchError(`${path} is not a whole safetensors file: ${reason}`, { cause });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isMetadata = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every((text) => typeof text === "string");

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);

interface Place {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Bytes of the data. */
  readonly from: number;
  readonly to: number;
}

/**
 * Where the tensors lie, in the order of the header. They fill the data without gaps and without sharing a byte: so no file
 * takes more memory than its length, and none hides something.
 */
function placesOf(entries: Readonly<Record<string, unknown>>, bytes: number, wrong: Wrong): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [name, value] of Object.entries(entries)) {
    const place = parseEntry(value);
    if (!place) throw wrong(`dtype, shape and data_offsets of ${shown(name)} do not agree or are not known`);
    places.set(name, place);
  }
  let end = 0;
  for (const [name, { from, to }] of [...places].sort(([, a], [, b]) => a.from - b.from || a.to - b.to)) {
    if (to > bytes) throw wrong(`${shown(name)} ends at byte ${to} of its data, which has ${bytes}`);
    if (from !== end)
      throw wrong(`${shown(name)} begins at byte ${from} of its data, and what is before it ends at ${end}`);
    end = to;
  }
  if (end !== bytes) throw wrong(`its last tensor ends at byte ${end} of its data, which has ${bytes}`);
  return places;
}

const shown = (name: string) => JSON.stringify(name.slice(0, 100));

/** A header entry whose dtype, shape and byte range are known and agree; undefined for any other value. */
function parseEntry(entry: unknown): Place | undefined {
  if (!isObject(entry)) return undefined;
  const { dtype: format, shape, data_offsets: range } = entry;
  if (typeof format !== "string" || !Object.hasOwn(formatNames, format)) return undefined;
  if (!isCounts(shape) || shape.length > mostDimensions || !isCounts(range) || range.length !== 2) return undefined;
  const dtype = formatNames[format as keyof typeof formatNames];
  const [from, to] = range as [number, number];
  const bytes = shape.reduce((product, length) => product * length, elementBytes[dtype]);
  return to - from === bytes ? { dtype, shape, from, to } : undefined;
}

function readHeader(path: string, wrong: Wrong) {
  // A pipe would be waited for, before anything could be asked of it.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw wrong("it is no file");
    const { size } = stat;
    const prefix = Buffer.alloc(8);
    if (size < 8 || readSync(fd, prefix, 0, 8, 0) < 8) throw wrong(`it has ${size} bytes`);
    const length = Number(prefix.readBigUInt64LE());
    if (length > maxHeaderBytes || 8 + length > size)
      throw wrong(`its header should have ${length} bytes, the file has ${size}`);
    const text = Buffer.alloc(length);
    readSync(fd, text, 0, length, 8);
    const header: unknown = JSON.parse(text.toString("utf8"));
    if (!isObject(header)) throw wrong("its header is not an object");
    const { __metadata__: metadata = {}, ...entries } = header;
    if (!isMetadata(metadata)) throw wrong("its __metadata__ is not an object of strings");
    return { metadata, entries, dataStart: 8 + length, size };
  } catch (error) {
    if (error instanceof SyntaxError) throw wrong("its header is not JSON", error);
    throw error;
  } finally {
    closeSync(fd);
  }
}
