import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { onDisk } from "../../base/disk.ts";
import { DataError } from "../../base/errors.ts";
import type { Names } from "../pack/names.ts";
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
  /** Those of its entries that are images of the source; all, where it has no list. */
  readonly entries: Uint32Array | undefined;
  /** Index of its first image in the source. */
  readonly start: number;
  readonly split: string | undefined;
  readonly category: string | undefined;
}

/**
 * LSUN as published: LMDB environments of encoded images. The split is the one in the folder's name
 * (`bedroom_train_lmdb`); with folders of several categories, the category is the label `class`. Of an environment that holds
 * each picture at several sizes (keys 64-00000, 128-00000), as stylegan2-pytorch writes it, one size is taken.
 * @param path a folder with data.mdb, that file, or a folder of such folders
 * @param resolution the smallest size that has as much is taken, else the largest
 * @throws DataError naming the file: cut short, damaged, of another format
 */
export async function openLsun(path: string, resolution?: number): Promise<Source> {
  const root = resolve(basename(path) === dataFile ? dirname(path) : path);
  const folders = await findEnvironments(root);
  if (folders.length === 0) throw new DataError(`${path}: no ${dataFile} in it or in the folders below`);
  const environments: Environment[] = [];
  const close = async () => {
    for (const { lmdb } of environments) await lmdb.close();
  };
  try {
    const stamps: (string | number)[] = [];
    const notes: string[] = [];
    let count = 0;
    for (const folder of folders) {
      const file = join(root, folder, dataFile);
      const { size, mtimeMs } = await onDisk(file, () => stat(file));
      stamps.push(folder, size, mtimeMs);
      const lmdb = await LmdbFile.open(file);
      const { split, category } = lsunName.exec(folder === "" ? basename(root) : folder)?.groups ?? {};
      const sized = oneSize(lmdb.entries.keys, resolution);
      if (sized?.note !== undefined) notes.push(`${file}: ${sized.note}`);
      environments.push({ folder, lmdb, entries: sized?.entries, start: count, split, category });
      count += sized?.entries.length ?? lmdb.entries.keys.length;
    }
    const hasClasses = new Set(environments.map(({ category }) => category)).size > 1;
    return {
      kind: "lsun",
      name: basename(root),
      count,
      entry: (index) => entryOf(environmentOf(environments, index), index, hasClasses),
      digest: digestOf(["lsun", ...stamps]),
      notes,
      contents: (indices) => readImages(environments, indices),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const sizedKey = /^(\d+)-\d+$/;
/** An entry that says how many pictures there are. */
const countKey = "length";

/**
 * The entries of one size, where each picture is there at several.
 * @returns undefined where keys say no sizes
 */
export function oneSize(
  keys: Names,
  resolution: number | undefined,
): { readonly entries: Uint32Array; readonly note?: string } | undefined {
  const counts = new Map<number, number>();
  for (const key of keys) {
    const size = Number(sizedKey.exec(key)?.[1]);
    if (size > 0) counts.set(size, (counts.get(size) ?? 0) + 1);
    else if (key !== countKey) return undefined;
  }
  const sizes = [...counts.keys()].sort((a, b) => a - b);
  const taken = sizes.find((size) => size >= (resolution ?? Number.POSITIVE_INFINITY)) ?? sizes.at(-1);
  if (taken === undefined) return undefined;
  const entries = new Uint32Array(counts.get(taken) ?? 0);
  let [filled, index] = [0, 0];
  for (const key of keys) {
    if (key.startsWith(`${taken}-`)) entries[filled++] = index;
    index++;
  }
  const others = sizes.filter((size) => size !== taken);
  if (others.length === 0) return { entries };
  return { entries, note: `left out: the same pictures at ${others.join(", ")} pixels; those at ${taken} are taken` };
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

const entryIn = ({ entries, start }: Environment, index: number): number => entries?.[index - start] ?? index - start;

function entryOf(environment: Environment, index: number, hasClasses: boolean): SourceEntry {
  const { folder, lmdb, split, category } = environment;
  const key = lmdb.entries.keys.at(entryIn(environment, index));
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
    const environment = environmentOf(environments, index);
    const { lmdb } = environment;
    const entry = entryIn(environment, index);
    const bytes = lmdb.entries.lengths[entry] as number;
    const read = async () => {
      checkFileSize(bytes);
      return await lmdb.read(entry);
    };
    yield { index, bytes, read };
  }
}
