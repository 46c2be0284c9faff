import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import * as tar from "tar-stream";
import { DataError } from "../../base/errors.ts";
import { mostPhotoBytes, openFileLater } from "../../base/read.ts";
import { NameTable } from "../pack/names.ts";
import { type ArchiveReader, type Links, noteLink, openArchive } from "./archive.ts";
import { checkFileSize, type Source } from "./source.ts";

/** tar-stream gives it, its types don't know it: the byte of the (unpacked) archive a file's content begins at. */
type TarHeader = tar.Header & { readonly byteOffset: number };
type TarEntry = tar.ExtractEvents["entry"][1];

/**
 * The images in a tar or tar.gz. It is read once for its list; then a tar is read at the wanted places, a tar.gz from
 * the start again.
 * @param gzipped whether it is compressed
 * @param labels  path of a CSV; without it labels.csv inside or beside the archive is used
 * @throws DataError if the archive is cut short or damaged, or the labels do not fit
 */
export async function openTar(path: string, gzipped: boolean, labels?: string): Promise<Source> {
  const listing = await listMembers(path, gzipped);
  return await openArchive(path, gzipped ? streaming(path, listing) : await seeking(path, listing), labels);
}

/** The files of a tar, column by column. */
interface Listing {
  readonly names: NameTable;
  readonly bytes: number[];
  /** The byte of the unpacked archive each one's content begins at. */
  readonly offsets: number[];
  /** Numbers among all entries, folders and links included. */
  readonly ordinals: number[];
  readonly links: Links;
}

async function listMembers(path: string, gzipped: boolean): Promise<Listing> {
  const listing: Listing = {
    names: new NameTable(),
    bytes: [],
    offsets: [],
    ordinals: [],
    links: { count: 0, first: "" },
  };
  let ordinal = 0;
  for await (const entry of readEntries(path, gzipped)) {
    const { name, size, byteOffset } = entry.header as TarHeader;
    if (isFile(entry)) {
      listing.names.push(tidy(name));
      listing.bytes.push(size);
      listing.offsets.push(byteOffset);
      listing.ordinals.push(ordinal);
    } else if (entry.header.type === "link" || entry.header.type === "symlink") noteLink(listing.links, tidy(name));
    ordinal++;
    entry.resume();
  }
  return listing;
}

async function seeking(path: string, { names, bytes, offsets, links }: Listing): Promise<ArchiveReader> {
  const file = (await openFileLater(path)).file;
  return {
    kind: "tar",
    names,
    bytes,
    links,
    read: async (member) => {
      const content = Buffer.alloc(bytes[member] as number);
      const { bytesRead } = await file.read(content, 0, content.length, offsets[member]);
      if (bytesRead < content.length) throw new DataError("goes beyond the end of the archive");
      return content;
    },
    close: () => file.close(),
  };
}

function streaming(path: string, listing: Listing): ArchiveReader {
  return {
    kind: "tar",
    names: listing.names,
    bytes: listing.bytes,
    links: listing.links,
    read: async () => {
      throw new Error("a compressed tar is read by its stream");
    },
    stream: (wanted) => streamMembers(path, listing, wanted),
    close: async () => {},
  };
}

async function* streamMembers(
  path: string,
  { bytes, ordinals }: Listing,
  wanted: Uint32Array,
): AsyncIterable<() => Buffer> {
  let next = 0;
  let ordinal = 0;
  for await (const entry of readEntries(path, true)) {
    const member = wanted[next];
    if (member === undefined) return;
    if (ordinal++ !== ordinals[member]) {
      entry.resume();
      continue;
    }
    next++;
    const size = bytes[member] as number;
    if (size > mostPhotoBytes) {
      entry.resume();
      yield () => {
        checkFileSize(size);
        return Buffer.alloc(0);
      };
      continue;
    }
    const content = await contentOf(path, entry);
    yield () => content;
  }
}

/** Whether an entry is a file, neither a folder nor a link. */
export function isFile({ header }: TarEntry): boolean {
  return header.type === "file" || header.type === "contiguous-file";
}

/**
 * The entries of a tar from front to back; each has to be read, or passed over with `resume`, before the next comes.
 * @throws DataError in one line where it is cut short or damaged
 */
export async function* readEntries(path: string, gzipped: boolean): AsyncIterable<TarEntry> {
  const extract = tar.extract();
  const file = createReadStream(path, { highWaterMark: 2 ** 20 });
  // What goes wrong reaches the loop below, as an error of `extract`; a loop left early needs no word.
  if (gzipped) pipeline(file, createGunzip(), extract, () => {});
  else pipeline(file, extract, () => {});
  try {
    for await (const entry of extract) yield entry;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The whole of an entry. @throws DataError as `readEntries` */
export async function contentOf(path: string, entry: TarEntry): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of entry) pieces.push(piece as Buffer);
  } catch (error) {
    throw unreadable(path, error);
  }
  return Buffer.concat(pieces);
}

function unreadable(path: string, error: unknown): DataError {
  if (error instanceof DataError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new DataError(`${path}: cannot be read as a tar archive: ${reason}; download or make it again`, {
    cause: error,
  });
}

/** "./a/b" and "a/b" are one name. */
function tidy(name: string): string {
  return name.replace(/^(?:\.?\/)+/, "");
}
