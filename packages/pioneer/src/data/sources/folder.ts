import { opendir, readFile, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { onDisk } from "../disk.ts";
import { type Names, NameTable } from "../names.ts";
import { allIndices } from "../splits.ts";
import { annotate, findLabels } from "./annotate.ts";
import { fileError, placeOf } from "./failures.ts";
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
  const { images, ignored, hasLabels } = await listImages(root);
  const file = await findLabels(root, labels, async () =>
    hasLabels ? await readFile(join(root, "labels.csv"), "utf8") : undefined,
  );
  const { entry, notes } = annotate(images.names, file, [`${basename(root)}/`]);
  return {
    kind: "folder",
    name: basename(root),
    count: images.names.length,
    entry,
    digest: digestOf(["folder", file?.text ?? ""], stampsOf(images)),
    notes: [...ignored, ...notes],
    contents: (indices) => readFiles(root, images, indices),
    close: async () => {},
  };
}

async function listImages(root: string): Promise<{ images: FileList; ignored: string[]; hasLabels: boolean }> {
  const files = await listFiles(root);
  let hasLabels = false;
  for (const name of files.names) if (name === "labels.csv") hasLabels = true;
  return {
    images: selectFiles(files, (name) => classify(name) === "image"),
    ignored: noteIgnored(files.names),
    hasLabels,
  };
}

/** Contents of files below `root`. */
export async function* readFiles(
  root: string,
  { place, names, bytes }: FileList,
  indices: Indices,
): AsyncIterable<SourceContent> {
  for (const index of indices) {
    const read = async () => {
      checkFileSize(bytes[index] as number);
      const path = join(root, names.at(index));
      return await readFile(path).catch(async (error: unknown) => {
        throw await fileError(error, path, root, place);
      });
    };
    yield { index, read };
  }
}

/** All files below `root` that are not hidden. */
export async function listFiles(root: string): Promise<FileList> {
  const place = await onDisk(root, () => placeOf(root));
  const names = new NameTable();
  const bytes: number[] = [];
  const modified: number[] = [];
  const seen = new Set<string>();
  const visit = async (folder: string): Promise<void> => {
    const path = join(root, folder);
    const real = await onDisk(path, () => realpath(path));
    if (seen.has(real)) return;
    seen.add(real);
    const listed = await readFolder(path, folder);
    for (const i of listed.order) {
      const key = listed.keys[i] as string;
      if (key.endsWith("/")) await visit(key.slice(0, -1));
      else {
        names.push(key);
        bytes.push(listed.bytes[i] as number);
        modified.push(listed.modified[i] as number);
      }
    }
  };
  await visit("");
  return { place, names, bytes, modified };
}

/** Those whose names are wanted. */
export function selectFiles(
  { place, names, bytes, modified }: FileList,
  isWanted: (name: string) => boolean,
): FileList {
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
    place,
    names: found,
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
}

async function readFolder(path: string, folder: string): Promise<Listed> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const keys: string[] = [];
  const bytes: number[] = [];
  const modified: number[] = [];
  const addAll = async (names: readonly string[]): Promise<void> => {
    // undefined: a link to nowhere
    const stats = await Promise.all(names.map((name) => stat(join(path, name)).catch(() => undefined)));
    for (const [j, info] of stats.entries()) {
      const isFolder = info?.isDirectory() ?? false;
      if (info === undefined || !(isFolder || info.isFile())) continue;
      keys.push(prefix + names[j] + (isFolder ? "/" : ""));
      bytes.push(info.size);
      modified.push(info.mtimeMs);
    }
  };
  await onDisk(path, async () => {
    let some: string[] = [];
    // Not readdir, which has a whole folder in memory at once, and twice.
    for await (const { name } of await opendir(path, { bufferSize: statsAtOnce })) {
      if (classify(prefix + name) !== "hidden") some.push(name);
      if (some.length < statsAtOnce) continue;
      await addAll(some);
      some = [];
    }
    await addAll(some);
  });
  const order = allIndices(keys.length).sort((a, b) => compareNames(keys[a] as string, keys[b] as string));
  return { keys, bytes, modified, order };
}
