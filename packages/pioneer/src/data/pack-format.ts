import { createHash } from "node:crypto";
import { z } from "zod";
import { DataError } from "../errors.ts";

/** Newest pack format this program reads; it writes this one. */
export const packFormat = 1;
/** Bytes before the pixels: one page, so that the pixels of a mapped file are page-aligned. */
export const prefixBytes = 4096;
/** Pixel bytes under one sha256. */
export const digestChunk = 64 * 2 ** 20;

const magic = "PIONPACK";
const usedPrefixBytes = 64;

const labelSchema = z.discriminatedUnion("kind", [
  z.object({ name: z.string().min(1), kind: z.literal("number"), values: z.array(z.number().nullable()) }),
  z.object({
    name: z.string().min(1),
    kind: z.literal("category"),
    categories: z.array(z.string()),
    codes: z.array(z.int().min(-1)),
  }),
]);

const skippedSchema = z.object({ name: z.string(), reason: z.string() });

const headerSchema = z.object({
  format: z.int(),
  count: z.int().positive(),
  resolution: z.int().min(4).max(1024),
  colour: z.enum(["rgb", "grey"]),
  crop: z.enum(["center", "none", "celeba"]),
  /** Where the images came from; names only, so that the same data packed elsewhere is the same pack. */
  source: z.object({ kind: z.string(), name: z.string(), options: z.record(z.string(), z.number().nullable()) }),
  /** Column-wise, one element an image: null or -1 where an image has no value. */
  labels: z.array(labelSchema),
  splits: z.object({ names: z.array(z.string().min(1)).min(1), codes: z.array(z.int().nonnegative()) }),
  names: z.array(z.string()),
  skipped: z.array(skippedSchema),
  enlarged: z.int().nonnegative(),
  notes: z.array(z.string()),
  sha256: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
});

/** The JSON header at the end of a pack. */
export type PackHeader = z.infer<typeof headerSchema>;
/** A label column as stored. */
export type StoredLabel = z.infer<typeof labelSchema>;
/** A file that is not in the pack, and why. */
export type SkippedFile = z.infer<typeof skippedSchema>;

/** The fixed prefix. */
export interface PackPrefix {
  readonly headerOffset: number;
  readonly headerLength: number;
  /** sha256 of the header's bytes, hex: the pack's id. */
  readonly id: string;
}

/** Header and prefix as bytes, for pixels of `pixelBytes`. */
export function encodeHeader(header: PackHeader, pixelBytes: number): { prefix: Buffer; header: Buffer } {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const prefix = Buffer.alloc(prefixBytes);
  prefix.write(magic, 0, "latin1");
  prefix.writeUInt32LE(packFormat, 8);
  prefix.writeUInt32LE(prefixBytes, 12);
  prefix.writeBigUInt64LE(BigInt(prefixBytes + pixelBytes), 16);
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
    throw new DataError(`${path} is not a pack; make one with: pioneer dataset prepare SOURCE OUT.pack`);
  }
  if (start.length < usedPrefixBytes) throw cutShort(path, prefixBytes, fileSize);
  const format = start.readUInt32LE(8);
  if (format > packFormat) {
    throw new DataError(
      `${path} has pack format ${format}, this program reads up to ${packFormat}; update pioneer, or prepare it again`,
    );
  }
  const pixelOffset = start.readUInt32LE(12);
  const headerOffset = start.readBigUInt64LE(16);
  const headerLength = start.readBigUInt64LE(24);
  const sane = format >= 1 && pixelOffset === prefixBytes && headerOffset > BigInt(prefixBytes) && headerLength > 1n;
  if (!sane) throw damaged(path, "its prefix is not valid");
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
  if (prefix.headerOffset !== prefixBytes + pixelBytes) return `its ${count} images do not fill the space before it`;
  if (names.length !== count) return `it has ${names.length} names for ${count} images`;
  if (sha256.length !== Math.ceil(pixelBytes / digestChunk)) return `it has ${sha256.length} sha256 values`;
  if (!within(splits.codes, count, splits.names.length)) return "its splits do not fit its images";
  for (const label of labels) {
    const fits =
      label.kind === "number" ? label.values.length === count : within(label.codes, count, label.categories.length);
    if (!fits) return `label ${label.name} does not fit its images`;
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

function within(codes: readonly number[], count: number, end: number): boolean {
  return codes.length === count && codes.every((code) => code < end);
}

function cutShort(path: string, expected: bigint | number, got: number): DataError {
  return new DataError(`${path} is cut short: ${got} of ${expected} bytes; copy it again, or prepare it again`);
}

function damaged(path: string, what: string): DataError {
  return new DataError(`${path} is damaged: ${what}; copy it again, or prepare it again`);
}
