import { createHash } from "node:crypto";
import { colours, crops, faceTemplate } from "pioneer-runtime/internal";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { DataError } from "../../base/errors.ts";

/** The pack format this program reads and writes. */
export const packFormat = 2;
/** Bytes before the pixels: one page, so that the pixels of a mapped file are page-aligned. */
export const prefixBytes = 4096;
/** Pixel bytes under one sha256. */
export const digestChunk = 64 * 2 ** 20;

const magic = "PIONPACK";
const usedPrefixBytes = 64;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** Bytes between pixels and header: what there is one of for each image, little-endian, read only when it is asked for. */
const blockSchema = z.object({
  /** Byte of the file, a multiple of 8. */
  offset: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  sha256: sha256Schema,
});

const labelSchema = z.discriminatedUnion("kind", [
  /** float64 [count], NaN where an image has no value */
  z.object({ name: z.string().min(1), kind: z.literal("number"), values: blockSchema }),
  /** int32 [count], indices into `categories`, -1 where an image has none */
  z.object({
    name: z.string().min(1),
    kind: z.literal("category"),
    categories: z.array(z.string()),
    codes: blockSchema,
  }),
]);

const skippedSchema = z.object({ name: z.string(), reason: z.string() });

const headerSchema = z.object({
  format: z.literal(packFormat),
  count: z.int().positive(),
  resolution: z.int().min(4).max(1024),
  colour: z.enum(colours),
  crop: z.enum(crops),
  /** Only of aligned photos: where each has its eyes and mouth now, and a digest of where they were. */
  align: z.object({ template: faceTemplate, faces: sha256Schema }).optional(),
  /** Where the images came from; names only, so that the same data packed elsewhere is the same pack. */
  source: z.object({ kind: z.string(), name: z.string(), options: z.record(z.string(), z.number().nullable()) }),
  labels: z.array(labelSchema),
  /** int32 [count], indices into `names` */
  splits: z.object({ names: z.array(z.string().min(1)).min(1), codes: blockSchema }),
  /** uint32 [count], bytes of each name; the names in UTF-8, one after the other */
  names: z.object({ lengths: blockSchema, text: blockSchema }),
  skipped: z.array(skippedSchema),
  enlarged: z.int().nonnegative(),
  notes: z.array(z.string()),
  sha256: z.array(sha256Schema),
});

/** The JSON header at the end of a pack. */
export type PackHeader = z.infer<typeof headerSchema>;
/** A label column as stored. */
export type StoredLabel = z.infer<typeof labelSchema>;
/** A place in the file, with its digest. */
export type Block = z.infer<typeof blockSchema>;
/** A file that is not in the pack, and why. */
export type SkippedFile = z.infer<typeof skippedSchema>;

/** The fixed prefix. */
export interface PackPrefix {
  readonly headerOffset: number;
  readonly headerLength: number;
  /** sha256 of the header's bytes, hex: the pack's id. */
  readonly id: string;
}

/** Header and prefix as bytes. @param offset where the header is to be */
export function encodeHeader(header: PackHeader, offset: number): { prefix: Buffer; header: Buffer } {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const prefix = Buffer.alloc(prefixBytes);
  prefix.write(magic, 0, "latin1");
  prefix.writeUInt32LE(packFormat, 8);
  prefix.writeUInt32LE(prefixBytes, 12);
  prefix.writeBigUInt64LE(BigInt(offset), 16);
  prefix.writeBigUInt64LE(BigInt(json.length), 24);
  createHash("sha256").update(json).digest().copy(prefix, 32);
  return { prefix, header: json };
}

/** Whether these first bytes of a file are a pack's. */
export function hasPackMagic(start: Buffer): boolean {
  return start.length >= magic.length && start.toString("latin1", 0, magic.length) === magic;
}

/**
 * @param start    the file's first 4096 bytes, or all of a shorter file
 * @param fileSize bytes
 * @throws DataError: not a pack, of a newer format, cut short or damaged
 */
export function decodePrefix(start: Buffer, fileSize: number, path: string): PackPrefix {
  if (!hasPackMagic(start)) {
    throw new DataError(`${path} is not a pack; make one with: ${commandLine("dataset prepare SOURCE OUT.pack")}`);
  }
  if (start.length < usedPrefixBytes) throw cutShort(path, prefixBytes, fileSize);
  const format = start.readUInt32LE(8);
  if (format !== packFormat) {
    const mend = format > packFormat ? "update pioneer, or prepare it again" : "prepare it again";
    throw new DataError(`${path} has pack format ${format}, this program reads ${packFormat}; ${mend}`);
  }
  const pixelOffset = start.readUInt32LE(12);
  const headerOffset = start.readBigUInt64LE(16);
  const headerLength = start.readBigUInt64LE(24);
  const isSane = pixelOffset === prefixBytes && headerOffset > BigInt(prefixBytes) && headerLength > 1n;
  if (!isSane) throw damaged(path, "its prefix is not valid");
  const expected = headerOffset + headerLength;
  if (BigInt(fileSize) < expected) throw cutShort(path, expected, fileSize);
  if (BigInt(fileSize) > expected) throw damaged(path, `${BigInt(fileSize) - expected} bytes follow its end`);
  return {
    headerOffset: Number(headerOffset),
    headerLength: Number(headerLength),
    id: start.toString("hex", 32, usedPrefixBytes),
  };
}

/**
 * @param bytes the header as stored
 * @throws DataError where it does not match its digest, or does not describe the pixels before it
 */
export function decodeHeader(bytes: Buffer, prefix: PackPrefix, path: string): PackHeader {
  if (createHash("sha256").update(bytes).digest("hex") !== prefix.id) {
    throw damaged(path, "its header does not match its sha256");
  }
  const parsed = headerSchema.safeParse(parseJson(bytes));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw damaged(path, `header ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`);
  }
  const header = parsed.data;
  const problem = inconsistency(header, prefix);
  if (problem !== undefined) throw damaged(path, problem);
  return header;
}

/** Bytes of one image. */
export function imageBytesOf(header: Pick<PackHeader, "colour" | "resolution">): number {
  return header.resolution ** 2 * (header.colour === "grey" ? 1 : 3);
}

function inconsistency(header: PackHeader, prefix: PackPrefix): string | undefined {
  const { count, resolution, labels, splits, names, sha256 } = header;
  const pixelBytes = count * imageBytesOf(header);
  if ((resolution & (resolution - 1)) !== 0) return `resolution ${resolution} is not a power of two`;
  if (sha256.length !== Math.ceil(pixelBytes / digestChunk)) return `it has ${sha256.length} sha256 values`;
  const lies = ({ offset, bytes }: Block, size = bytes) =>
    offset >= prefixBytes + pixelBytes && offset % 8 === 0 && bytes === size && offset + bytes <= prefix.headerOffset;
  if (!lies(splits.codes, 4 * count)) return `its splits do not fit its ${count} images`;
  if (!lies(names.lengths, 4 * count) || !lies(names.text)) return `its names do not fit its ${count} images`;
  for (const label of labels) {
    const fits = label.kind === "number" ? lies(label.values, 8 * count) : lies(label.codes, 4 * count);
    if (!fits) return `label ${label.name} does not fit its ${count} images`;
  }
  return undefined;
}

/** undefined, which the schema refuses, for anything that is not JSON. */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The error of a file that ends too early. */
export function cutShort(path: string, expected: bigint | number, got: number): DataError {
  return new DataError(`${path} is cut short: ${got} of ${expected} bytes; copy it again, or prepare it again`);
}

/** The error of a file that is not as it was written. */
export function damaged(path: string, what: string): DataError {
  return new DataError(`${path} is damaged: ${what}; copy it again, or prepare it again`);
}
