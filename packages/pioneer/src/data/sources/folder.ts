import type { Stats } from "node:fs";
import { opendir, readFile, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { onDisk } from "../../base/disk.ts";
import { readLabelsText } from "../../base/read.ts";
import { hasCode } from "../../base/system-error.ts";
import type { SkippedFile } from "../pack/format.ts";
import { type Names, NameTable } from "../pack/names.ts";
import { allIndices } from "../pack/splits.ts";
import { annotate, findLabels, textsOf } from "./annotate.ts";
import { faultOfFile, fileError, placeOf } from "./failures.ts";
import { isLabelsName } from "./label-files.ts";
import { findLeftOut } from "./left-out.ts";
import { type DiskPath, nameOfBytes, pathIn, replacement, showBytes } from "./raw-names.ts";
import {
  checkFileSize,
  classify,
  compareNames,
  digestOf,
  type Indices,
  noteIgnored,
  type Source,
  type SourceContent,
} from "./source.ts";

/** Files below a folder, sorted by path; column by column, as there may be millions. */
export interface FileList {
  /** The folder's identity when it was listed. */
  readonly place: string;
  /** Paths inside the folder, with forward slashes. */
  readonly names: Names;
  readonly bytes: readonly number[];
  /** Last changes, milliseconds. */
  readonly modified: readonly number[];
  /** Paths on the disk of those that are not UTF-8, by their names. */
  readonly raw: ReadonlyMap<string, Buffer>;
  /** What could not even be asked for its size, and why. */
  readonly unreadable: readonly SkippedFile[];
}

/** How many files are asked for their size at a time. */
const statsAtOnce = 64;

/**
 * The images in a folder and the folders below it, sorted by path. Links are followed, each folder once.
 * @param labels path of a CSV; without it labels.csv inside or beside the folder is used
 * @throws DataError if a folder cannot be read or the labels do not fit
 */
export async function openFolder(path: string, labels?: string): Promise<Source> {
  const root = resolve(path);
  const { images, ignored, labelFiles } = await listImages(root);
  const files = await findLabels(root, labels, {
    names: labelFiles,
    read: (name) => readLabelsText(join(root, name)),
  });
  const prefixes = [`${basename(root)}/`];
  const { entry, notes } = annotate(images.names, files, prefixes);
  return {
    kind: "folder",
    name: basename(root),
    prefixes,
    count: images.names.length,
    entry,
    digest: digestOf(["folder", textsOf(files)], stampsOf(images)),
    skipped: images.unreadable,
    notes: [...ignored, ...noteRaw(images), ...notes],
    contents: (indices) => readFiles(root, images, indices),
    close: async () => {},
  };
}

async function listImages(root: string): Promise<{ images: FileList; ignored: string[]; labelFiles: string[] }> {
  const files = await listFiles(root);
  const labelFiles: string[] = [];
  for (const name of files.names) if (isLabelsName(name)) labelFiles.push(name);
  const left = findLeftOut(files.names);
  return {
    images: selectFiles(files, (name) => classify(name) === "image" && !left.has(name)),
    ignored: [...left.notes, ...noteIgnored(files.names, left)],
    labelFiles,
  };
}

function noteRaw({ raw }: FileList): string[] {
  const [first] = raw.keys();
  if (first === undefined) return [];
  return [
    `${raw.size} ${raw.size === 1 ? "file has a name that is" : "files have names that are"} not UTF-8: \\xHH stands for a byte (first: ${first})`,
  ];
}

/** Contents of files below `root`. */
export async function* readFiles(
  root: string,
  { place, names, bytes, raw }: FileList,
  indices: Indices,
): AsyncIterable<SourceContent> {
  for (const index of indices) {
    const read = async () => {
      checkFileSize(bytes[index] as number);
      const name = names.at(index);
      const path = raw.get(name) ?? join(root, name);
      return await readFile(path).catch(async (error: unknown) => {
        throw await fileError(error, path, root, place);
      });
    };
    yield { index, bytes: bytes[index] as number, read };
  }
}

/** All files below `root` that are not hidden. */
export async function listFiles(root: string): Promise<FileList> {
  const place = await onDisk(root, () => placeOf(root));
  const names = new NameTable();
  const bytes: number[] = [];
  const modified: number[] = [];
  const raw = new Map<string, Buffer>();
  const unreadable: SkippedFile[] = [];
  const seen = new Set<string>();
  const visit = async (folder: string, path: DiskPath): Promise<void> => {
    const real = await onDisk(String(path), () => realpath(path, "latin1"));
    if (seen.has(real)) return;
    seen.add(real);
    const listed = await readFolder(path, folder);
    for (const file of listed.unreadable) unreadable.push(file);
    for (const i of listed.order) {
      const key = listed.keys[i] as string;
      const rawPath = listed.raw.get(key);
      if (key.endsWith("/")) await visit(key.slice(0, -1), rawPath ?? join(root, key));
      else {
        names.push(key);
        bytes.push(listed.bytes[i] as number);
        modified.push(listed.modified[i] as number);
        if (rawPath !== undefined) raw.set(key, rawPath);
      }
    }
  };
  await visit("", root);
  unreadable.sort((a, b) => compareNames(a.name, b.name));
  return { place, names, bytes, modified, raw, unreadable };
}

/** Those whose names are wanted. */
export function selectFiles(files: FileList, isWanted: (name: string) => boolean): FileList {
  const { names, bytes, modified, raw } = files;
  const found = new NameTable();
  const isFound = new Uint8Array(names.length);
  let index = 0;
  for (const name of names) {
    if (isWanted(name)) {
      found.push(name);
      isFound[index] = 1;
    }
    index++;
  }
  return {
    ...files,
    names: found,
    raw: new Map([...raw].filter(([name]) => isWanted(name))),
    bytes: bytes.filter((_, i) => isFound[i] === 1),
    modified: modified.filter((_, i) => isFound[i] === 1),
  };
}

/** What identifies the files: names, sizes, times. */
export function* stampsOf({ names, bytes, modified }: FileList): Iterable<string | number> {
  let index = 0;
  for (const name of names) {
    yield name;
    yield bytes[index] as number;
    yield modified[index] as number;
    index++;
  }
}

/** Files and folders in a folder, in the order of their keys. */
interface Listed {
  /** Their paths inside the source; a folder's ends with a slash, so that paths are in order when keys are. */
  readonly keys: readonly string[];
  readonly bytes: readonly number[];
  readonly modified: readonly number[];
  /** Indices of the above, in order. */
  readonly order: Uint32Array;
  /** Paths on the disk of those that are not UTF-8, by their keys. */
  readonly raw: ReadonlyMap<string, Buffer>;
  readonly unreadable: readonly SkippedFile[];
}

/** One of them, before its size is known. */
interface Child {
  readonly key: string;
  readonly path: DiskPath;
}

async function readFolder(path: DiskPath, folder: string): Promise<Listed> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const keys: string[] = [];
  const bytes: number[] = [];
  const modified: number[] = [];
  const raw = new Map<string, Buffer>();
  const unreadable: SkippedFile[] = [];
  const add = async (children: readonly Child[]): Promise<void> => {
    const stats = await Promise.all(children.map((child) => statOf(child.path)));
    for (const [j, info] of stats.entries()) {
      const child = children[j] as Child;
      if (typeof info === "string") unreadable.push({ name: child.key, reason: info });
      const isFolder = typeof info === "object" && info.isDirectory();
      if (typeof info !== "object" || !(isFolder || info.isFile())) continue;
      const key = child.key + (isFolder ? "/" : "");
      keys.push(key);
      bytes.push(info.size);
      modified.push(info.mtimeMs);
      if (Buffer.isBuffer(child.path)) raw.set(key, child.path);
    }
  };
  await onDisk(String(path), async () => {
    let isPlain = true;
    let some: Child[] = [];
    const take = async (key: string, childPath: DiskPath): Promise<void> => {
      if (classify(key) !== "hidden") some.push({ key, path: childPath });
      if (some.length < statsAtOnce) return;
      await add(some);
      some = [];
    };
    // Not readdir, which has a whole folder in memory at once, and twice.
    for await (const { name } of await opendir(path, { bufferSize: statsAtOnce })) {
      if (name.includes(replacement)) isPlain = false;
      else await take(prefix + name, pathIn(path, name));
    }
    await add(some);
    if (isPlain) return;
    some = [];
    const taken = new Set(keys);
    for await (const { name: latin1 } of await opendir(path, { bufferSize: statsAtOnce, encoding: "latin1" })) {
      const name = nameOfBytes(latin1);
      if (!name.toString().includes(replacement)) continue;
      let key = prefix + (Buffer.isBuffer(name) ? showBytes(name) : name);
      while (taken.has(key)) key = `${prefix}\\${key.slice(prefix.length)}`;
      await take(key, pathIn(path, name));
    }
    await add(some);
  });
  const order = allIndices(keys.length).sort((a, b) => compareNames(keys[a] as string, keys[b] as string));
  return { keys, bytes, modified, order, raw, unreadable };
}

/** @returns a reason to skip it; undefined for a link to nowhere */
async function statOf(path: DiskPath): Promise<Stats | string | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const isNowhere = hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR");
    const fault = isNowhere ? undefined : faultOfFile(error);
    if (!isNowhere && fault === undefined) throw error;
    return fault;
  }
}
