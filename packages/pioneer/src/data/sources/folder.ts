import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { onDisk } from "../disk.ts";
import { type Names, NameTable } from "../names.ts";
import { annotate, findLabels } from "./annotate.ts";
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
  { names, bytes }: FileList,
  indices: Indices,
): AsyncIterable<SourceContent> {
  for (const index of indices) {
    const read = async () => {
      checkFileSize(bytes[index] as number);
      return await readFile(join(root, names.at(index)));
    };
    yield { index, read };
  }
}

/** All files below `root` that are not hidden. */
export async function listFiles(root: string): Promise<FileList> {
  const names = new NameTable();
  const bytes: number[] = [];
  const modified: number[] = [];
  const seen = new Set<string>();
  const visit = async (folder: string): Promise<void> => {
    const path = join(root, folder);
    const real = await onDisk(path, () => realpath(path));
    if (seen.has(real)) return;
    seen.add(real);
    for (const { key, isFolder, size, time } of await readFolder(path, folder)) {
      if (isFolder) await visit(key.slice(0, -1));
      else {
        names.push(key);
        bytes.push(size);
        modified.push(time);
      }
    }
  };
  await visit("");
  return { names, bytes, modified };
}

/** Those whose names are wanted. */
export function selectFiles({ names, bytes, modified }: FileList, isWanted: (name: string) => boolean): FileList {
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

/** A file or folder. */
interface Listed {
  /** Its path inside the source; a folder's ends with a slash, so that paths are in order when keys are. */
  readonly key: string;
  readonly isFolder: boolean;
  readonly size: number;
  readonly time: number;
}

async function readFolder(path: string, folder: string): Promise<Listed[]> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const found: Listed[] = [];
  const names = await onDisk(path, () => readdir(path));
  for (let i = 0; i < names.length; i += statsAtOnce) {
    const some = names.slice(i, i + statsAtOnce).filter((name) => classify(prefix + name) !== "hidden");
    // undefined: a link to nowhere
    const stats = await Promise.all(some.map((name) => stat(join(path, name)).catch(() => undefined)));
    for (const [j, info] of stats.entries()) {
      const isFolder = info?.isDirectory() ?? false;
      if (info === undefined || !(isFolder || info.isFile())) continue;
      const key = prefix + some[j] + (isFolder ? "/" : "");
      found.push({ key, isFolder, size: info.size, time: info.mtimeMs });
    }
  }
  return found.sort((a, b) => compareNames(a.key, b.key));
}
