import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import * as tar from "tar-stream";
import { DataError } from "../../errors.ts";
import { onDisk } from "../disk.ts";
import { type ArchiveReader, type Member, openArchive } from "./archive.ts";
import { checkFileSize, maxFileBytes, type Source } from "./source.ts";

/** Where a file of a tar is: its number, and the byte its content begins at. */
interface TarKey {
  readonly ordinal: number;
  readonly offset: number;
}

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
  const members: Member<TarKey>[] = [];
  let ordinal = 0;
  for await (const entry of readEntries(path, gzipped)) {
    const { name, size, byteOffset, type } = entry.header as TarHeader;
    const key = { ordinal: ordinal++, offset: byteOffset };
    if (type === "file" || type === "contiguous-file") members.push({ name: tidy(name), bytes: size, key });
    entry.resume();
  }
  return await openArchive(path, gzipped ? streaming(path, members) : await seeking(path, members), labels);
}

async function seeking(path: string, members: readonly Member<TarKey>[]): Promise<ArchiveReader<TarKey>> {
  const file = await onDisk(path, () => open(path, "r"));
  return {
    kind: "tar",
    members,
    read: async ({ bytes, key }) => {
      const content = Buffer.alloc(bytes);
      const { bytesRead } = await file.read(content, 0, bytes, key.offset);
      if (bytesRead < bytes) throw new DataError("goes beyond the end of the archive");
      return content;
    },
    close: () => file.close(),
  };
}

function streaming(path: string, members: readonly Member<TarKey>[]): ArchiveReader<TarKey> {
  return {
    kind: "tar",
    members,
    read: async () => {
      throw new Error("a compressed tar is read by its stream");
    },
    stream: (wanted) => streamMembers(path, wanted),
    close: async () => {},
  };
}

async function* streamMembers(path: string, wanted: readonly Member<TarKey>[]): AsyncIterable<() => Buffer> {
  let next = 0;
  let ordinal = 0;
  for await (const entry of readEntries(path, true)) {
    const member = wanted[next];
    if (member === undefined) return;
    if (ordinal++ !== member.key.ordinal) {
      entry.resume();
      continue;
    }
    next++;
    if (member.bytes > maxFileBytes) {
      entry.resume();
      yield () => {
        checkFileSize(member.bytes);
        return Buffer.alloc(0);
      };
      continue;
    }
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    const content = Buffer.concat(pieces);
    yield () => content;
  }
}

async function* readEntries(path: string, gzipped: boolean): AsyncIterable<TarEntry> {
  const extract = tar.extract();
  const file = createReadStream(path, { highWaterMark: 2 ** 20 });
  // What goes wrong reaches the loop below, as an error of `extract`; a loop left early needs no word.
  if (gzipped) pipeline(file, createGunzip(), extract, () => {});
  else pipeline(file, extract, () => {});
  try {
    for await (const entry of extract) yield entry;
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`${path}: cannot be read as a tar archive: ${reason}; download or make it again`, {
      cause: error,
    });
  }
}

/** "./a/b" and "a/b" are one name. */
function tidy(name: string): string {
  return name.replace(/^(?:\.?\/)+/, "");
}
