import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Colour, Crop } from "pioneer-runtime";
import { startOfFile } from "../../base/file-kind.ts";
import { lookInto } from "../../base/read.ts";
import { readBlock, readCodes, readInto, readNames } from "./blocks.ts";
import {
  decodeHeader,
  decodePrefix,
  hasPackMagic,
  imageBytesOf,
  type PackHeader,
  type PackPrefix,
  prefixBytes,
  type SkippedFile,
  type StoredLabel,
} from "./format.ts";
import type { Names } from "./names.ts";
import { checkChunk } from "./pixel-check.ts";
import { splitIndices } from "./splits.ts";

// Labels are read from the file when they are asked for, and again when nobody has held them for a while: a column of
// three million images takes 24 MB.

/** A label whose values are numbers; NaN where an image has none. */
export interface NumberLabel {
  readonly name: string;
  readonly kind: "number";
  /** [count] */
  readonly values: Float64Array;
}

/** A label whose values are names; code -1 where an image has none. */
export interface CategoryLabel {
  readonly name: string;
  readonly kind: "category";
  readonly categories: readonly string[];
  /** [count], indices into `categories`. */
  readonly codes: Int32Array;
}

export type Label = NumberLabel | CategoryLabel;

/**
 * A data set as one file, open for reading; it holds no file descriptor. Its pixels are one block
 * [count, resolution, resolution, channels] of uint8 from byte `pixelOffset` on, which training maps into memory.
 */
export interface Pack {
  readonly path: string;
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** Digest of the header, which holds the digests of the pixels: another id is other data. */
  readonly id: string;
  /** Digest of which images these are and how they are shown: the same for packs of one source that differ in resolution. */
  readonly imagesId: string;
  readonly count: number;
  readonly resolution: number;
  readonly channels: 1 | 3;
  readonly colour: Colour;
  readonly crop: Crop;
  /** Of aligned photos the template and a digest of where their faces were; null for others. */
  readonly align: NonNullable<PackHeader["align"]> | null;
  readonly pixelOffset: number;
  /** resolution² · channels */
  readonly imageBytes: number;
  /** sha256 of each 64 MiB of pixels. */
  readonly digests: readonly string[];
  /** Image indices by split, ascending; "train" and "test" always exist, perhaps empty. */
  readonly splits: Readonly<Record<string, Uint32Array>>;
  readonly labels: readonly Label[];
  /** [count], the images' names in their source; read from the file when they are first asked for. */
  readonly names: Names;
  readonly source: PackHeader["source"];
  readonly skipped: readonly SkippedFile[];
  /** How many images were smaller than the resolution. */
  readonly enlarged: number;
  readonly notes: readonly string[];
  /** @returns uint8 [indices.length, resolution, resolution, channels]; @throws DataError, RangeError for a wrong index */
  readImages(indices: ArrayLike<number>): Uint8Array;
}

/**
 * Opens and checks a pack: magic, format, size, header, splits. Pixels are not read; `verifyPack` does.
 * @throws DataError in one line: missing, not a pack, newer format, cut short, damaged
 */
export function openPack(path: string): Pack {
  const { prefix, header, bytes } = readHeader(path);
  const imageBytes = imageBytesOf(header);
  const { names: splitNames, codes } = header.splits;
  const splits = splitIndices({
    names: splitNames,
    codes: readCodes(path, codes, { least: 0, end: splitNames.length, what: "splits" }),
  });
  let names: Names | undefined;
  const pack: Pack = {
    path,
    bytes,
    id: prefix.id,
    imagesId: imagesIdOf(header),
    count: header.count,
    resolution: header.resolution,
    channels: header.colour === "grey" ? 1 : 3,
    colour: header.colour,
    crop: header.crop,
    align: header.align ?? null,
    pixelOffset: prefixBytes,
    imageBytes,
    digests: Object.freeze(header.sha256),
    splits: Object.freeze(splits),
    labels: Object.freeze(header.labels.map((label) => toLabel(label, path))),
    get names() {
      names ??= readNames(path, header.names);
      return names;
    },
    source: Object.freeze(header.source),
    skipped: Object.freeze(header.skipped),
    enlarged: header.enlarged,
    notes: Object.freeze(header.notes),
    readImages: (indices) => readImages(path, indices, header.count, imageBytes),
  };
  return Object.freeze(pack);
}

/** Whether a file begins as a pack does; false for a missing file or a folder. */
export async function isPack(path: string): Promise<boolean> {
  return await startOfFile(path, 8).then(hasPackMagic, () => false);
}

/**
 * Reads every pixel, name and label, and compares their sha256; of pixels there is one for each 64 MiB.
 * @throws DataError naming the images in the first chunk that differs
 */
export async function verifyPack(path: string): Promise<void> {
  const pack = openPack(path);
  void pack.names;
  for (const label of pack.labels) void (label.kind === "number" ? label.values : label.codes);
  for (const chunk of pack.digests.keys()) {
    checkChunk(pack, chunk);
    await setImmediate(); // Ctrl-C is heard in between
  }
}

/** Labels, notes and pixels have no part in it. */
function imagesIdOf({ count, colour, crop, align, source, splits, names }: PackHeader): string {
  const { limit = null, seed = 0, ...options } = source.options;
  // Older packs of photos hold the run's seed, which changed nothing of them.
  const used = source.kind === "procedural" || limit !== null ? seed : 0;
  const digests = [splits.codes, names.lengths, names.text].map(({ sha256 }) => sha256);
  const parts: unknown[] = [count, colour, crop, source.kind, source.name, limit, used, options, splits.names, digests];
  if (align !== undefined) parts.push(align);
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function readHeader(path: string): { prefix: PackPrefix; header: PackHeader; bytes: number } {
  return lookInto(path, ({ fd, bytes }) => {
    const prefix = decodePrefix(readExactly(fd, 0, Math.min(bytes, prefixBytes), path), bytes, path);
    const header = decodeHeader(readExactly(fd, prefix.headerOffset, prefix.headerLength, path), prefix, path);
    return { prefix, header, bytes };
  });
}

function readImages(path: string, indices: ArrayLike<number>, count: number, imageBytes: number): Uint8Array {
  const images = new Uint8Array(indices.length * imageBytes);
  lookInto(path, ({ fd }) => {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] as number;
      if (!Number.isInteger(index) || index < 0 || index >= count) {
        throw new RangeError(`${path}: no image ${index}; it holds 0 to ${count - 1}`);
      }
      const image = Buffer.from(images.buffer, i * imageBytes, imageBytes);
      readInto(fd, image, prefixBytes + index * imageBytes, path);
    }
  });
  return images;
}

function readExactly(file: number, offset: number, length: number, path: string): Buffer {
  const bytes = Buffer.alloc(length);
  readInto(file, bytes, offset, path);
  return bytes;
}

function toLabel(label: StoredLabel, path: string): Label {
  const what = `values of label ${label.name}`;
  if (label.kind === "number") {
    const read = whileHeld(() => new Float64Array(readBlock(path, label.values, what)));
    return Object.freeze({
      name: label.name,
      kind: "number",
      get values() {
        return read();
      },
    });
  }
  const read = whileHeld(() => readCodes(path, label.codes, { least: -1, end: label.categories.length, what }));
  return Object.freeze({
    name: label.name,
    kind: "category",
    categories: Object.freeze(label.categories),
    get codes() {
      return read();
    },
  });
}

/** Reads once, and again when nobody holds what was read. */
function whileHeld<T extends object>(read: () => T): () => T {
  let held: WeakRef<T> | undefined;
  return () => {
    const known = held?.deref();
    if (known !== undefined) return known;
    const values = read();
    held = new WeakRef(values);
    return values;
  };
}
