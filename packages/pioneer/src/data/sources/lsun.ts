import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { onDisk } from "../../base/disk.ts";
import { DataError } from "../../base/errors.ts";
import { LmdbFile } from "./lmdb.ts";
import {
  checkFileSize,
  compareNames,
  digestOf,
  type Indices,
  type Source,
  type SourceContent,
  type SourceEntry,
} from "./source.ts";

const dataFile = "data.mdb";
/** LSUN's folders: bedroom_train_lmdb, church_outdoor_val_lmdb. */
const lsunName = /^(?<category>.+?)_(?<split>train|val|test)(?:_lmdb)?$/;

/** One LMDB environment of the source. */
interface Environment {
  readonly folder: string;
  readonly lmdb: LmdbFile;
  /** Index of its first image in the source. */
  readonly start: number;
  readonly split: string | undefined;
  readonly category: string | undefined;
}

/**
 * LSUN as published: LMDB environments of encoded images. The split is the one in the folder's name
 * (`bedroom_train_lmdb`); with folders of several categories, the category is the label `class`.
 * @param path a folder with data.mdb, that file, or a folder of such folders
 * @throws DataError naming the file: cut short, damaged, of another format
 */
export async function openLsun(path: string): Promise<Source> {
  const root = resolve(basename(path) === dataFile ? dirname(path) : path);
  const folders = await findEnvironments(root);
  if (folders.length === 0) throw new DataError(`${path}: no ${dataFile} in it or in the folders below`);
  const environments: Environment[] = [];
  const close = async () => {
    for (const { lmdb } of environments) await lmdb.close();
  };
  try {
    const stamps: (string | number)[] = [];
    let count = 0;
    for (const folder of folders) {
      const file = join(root, folder, dataFile);
      const { size, mtimeMs } = await onDisk(file, () => stat(file));
      stamps.push(folder, size, mtimeMs);
      const lmdb = await LmdbFile.open(file);
      const { split, category } = lsunName.exec(folder === "" ? basename(root) : folder)?.groups ?? {};
      environments.push({ folder, lmdb, start: count, split, category });
      count += lmdb.entries.keys.length;
    }
    const hasClasses = new Set(environments.map(({ category }) => category)).size > 1;
    return {
      kind: "lsun",
      name: basename(root),
      count,
      entry: (index) => entryOf(environmentOf(environments, index), index, hasClasses),
      digest: digestOf(["lsun", ...stamps]),
      notes: [],
      contents: (indices) => readImages(environments, indices),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The folders that hold LMDB environments: "" for `root` itself, or those in it. */
export async function findEnvironments(root: string): Promise<string[]> {
  const has = async (folder: string) => (await stat(join(folder, dataFile)).catch(() => undefined))?.isFile() ?? false;
  if (await has(root)) return [""];
  const found: string[] = [];
  for (const entry of await onDisk(root, () => readdir(root, { withFileTypes: true }))) {
    if (!entry.isFile() && (await has(join(root, entry.name)))) found.push(entry.name);
  }
  return found.sort(compareNames);
}

function entryOf(
  { folder, lmdb, start, split, category }: Environment,
  index: number,
  hasClasses: boolean,
): SourceEntry {
  const key = lmdb.entries.keys.at(index - start);
  const name = folder === "" ? key : `${folder}/${key}`;
  const labels = hasClasses && category !== undefined ? { class: category } : {};
  return split === undefined ? { name, labels } : { name, split, labels };
}

function environmentOf(environments: readonly Environment[], index: number): Environment {
  const environment = environments.findLast(({ start }) => start <= index);
  if (environment === undefined) throw new RangeError(`no image ${index}`);
  return environment;
}

async function* readImages(environments: readonly Environment[], indices: Indices): AsyncIterable<SourceContent> {
  for (const index of indices) {
    const { lmdb, start } = environmentOf(environments, index);
    const read = async () => {
      checkFileSize(lmdb.entries.lengths[index - start] as number);
      return await lmdb.read(index - start);
    };
    yield { index, read };
  }
}
