import { type FileHandle, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { onDisk } from "../../base/disk.ts";
import { DataError } from "../../base/errors.ts";
import { mostPhotoBytes, openFileLater } from "../../base/read.ts";
import { readExactly } from "./raw.ts";
import { contentOf, isFile, readEntries } from "./tar.ts";

const batchName = /^(data_batch_\d+|test_batch)(\.bin)?$/;
const metaName = /^batches\.meta(\.txt)?$/;
/** How many files of an archive are looked at to see what it is; CIFAR-10's hold eight. */
const peeked = 16;

/** The files of CIFAR-10, of a folder or a tar of it. */
export interface CifarFiles {
  /** The folder's name. */
  readonly name: string;
  /** Names of the batches and of batches.meta, without folders. */
  readonly names: readonly string[];
  /** What changes when the files do. */
  readonly stamps: readonly number[];
  /** A file, or a part of it. @throws DataError where the file ends before */
  read(name: string, offset?: number, length?: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Whether a file is a batch of CIFAR-10, by its name. */
export function isBatch(name: string): boolean {
  return batchName.test(name);
}

/** Whether a tar or tar.gz holds batches of CIFAR-10, by its first files; false for what cannot be read. */
export async function holdsBatches(path: string, gzipped: boolean): Promise<boolean> {
  try {
    let seen = 0;
    for await (const entry of readEntries(path, gzipped)) {
      if (isFile(entry) && isBatch(basename(entry.header.name))) return true;
      if (isFile(entry) && ++seen >= peeked) return false;
      entry.resume();
    }
  } catch {
    // Whoever reads it next says why.
  }
  return false;
}

/** @param path a folder with data_batch_1 (or data_batch_1.bin) and so on */
export async function openCifarFolder(path: string): Promise<CifarFiles> {
  const root = resolve(path);
  const names = (await onDisk(path, () => readdir(root))).filter(isOurs).sort();
  const files = new Map<string, FileHandle>();
  const close = async () => {
    for (const file of files.values()) await file.close();
  };
  try {
    const stamps: number[] = [];
    for (const name of names) {
      const file = (await openFileLater(join(root, name))).file;
      files.set(name, file);
      const { size, mtimeMs } = await file.stat();
      checkBytes(join(path, name), size);
      stamps.push(size, mtimeMs);
    }
    const read: CifarFiles["read"] = async (name, offset = 0, length) => {
      const file = files.get(name) as FileHandle;
      return await onDisk(join(path, name), async () =>
        readExactly(file, offset, length ?? (await file.stat()).size - offset),
      );
    };
    return { name: basename(root), names, stamps, read, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The same from the archive as it is published, cifar-10-python.tar.gz or cifar-10-binary.tar.gz, or unpacked to a tar.
 * Its batches, 180 MB, are held in memory: an archive that is compressed can only be read from front to back.
 * @throws DataError if it is cut short or damaged
 */
export async function openCifarArchive(path: string, gzipped: boolean): Promise<CifarFiles> {
  const { size, mtimeMs } = await onDisk(path, () => stat(path));
  const files = new Map<string, Buffer>();
  let folder = basename(path);
  let total = 0;
  for await (const entry of readEntries(path, gzipped)) {
    const name = basename(entry.header.name);
    if (!isFile(entry) || !isOurs(name)) {
      entry.resume();
      continue;
    }
    const parts = entry.header.name.split("/");
    folder = parts.at(-2) ?? folder;
    total += entry.header.size;
    checkBytes(path, total);
    files.set(name, await contentOf(path, entry));
  }
  return {
    name: folder,
    names: [...files.keys()].sort(),
    stamps: [size, mtimeMs],
    read: async (name, offset = 0, length) => {
      const bytes = files.get(name) as Buffer;
      const part = bytes.subarray(offset, length === undefined ? undefined : offset + length);
      if (length !== undefined && part.length < length) throw new DataError("goes beyond the end of the file");
      return part;
    },
    close: async () => files.clear(),
  };
}

function isOurs(name: string): boolean {
  return isBatch(name) || metaName.test(name);
}

function checkBytes(path: string, bytes: number): void {
  if (bytes > mostPhotoBytes) throw new DataError(`${path}: ${bytes} bytes are too many for CIFAR-10`);
}
