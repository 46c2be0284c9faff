import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Dataset, File } from "h5wasm/node";
import { onDisk } from "../../base/disk.ts";
import { DataError } from "../../base/errors.ts";
import { recordOf } from "../../base/record.ts";
import type { RawImage } from "../pixels/decode.ts";
import { type CelebaHqOrigin, readAttributes, readImageList } from "./celeba-lists.ts";
import { toInterleaved } from "./raw.ts";
import { digestOf, type Source, type SourceEntry } from "./source.ts";

/** The resolution that is taken where none is asked for, if the file has it. */
const usualResolution = 256;
/** CelebA's images from this one on, counted from 0, are its test set; the authors split CelebA-HQ by it. */
const firstTestImage = 182_637;
/** A chunk is unpacked whole for one image of it; the exporter of CelebA-HQ makes small ones. */
const maxChunkBytes = 64 * 2 ** 20;

/** Whether the first bytes of a file are HDF5's. */
export function hasH5Magic(start: Buffer): boolean {
  return start.toString("latin1", 0, 8) === "\x89HDF\r\n\x1a\n";
}

/**
 * CelebA-HQ, or any data set, as the h5tool of progressive_growing_of_gans writes it: `data4x4`, `data8x8` ..., each
 * uint8 [n, 3, r, r]. Only the wanted resolution is read, image by image; the file is never loaded. With CelebA-HQ's
 * image_list.txt beside it the images of CelebA's test set are the split `test`; with CelebA's list_attr_celeba.txt beside that,
 * the 40 attributes are labels.
 * @param resolution by default the largest one up to 256 that the file has
 * @throws DataError naming the file: cut short, not such a file, without the resolution
 */
export async function openCelebaHq(path: string, resolution?: number): Promise<Source> {
  const { size, mtimeMs } = await onDisk(path, () => stat(path));
  const h5 = await loadH5();
  const file = guard(path, () => new h5.File(resolve(path), "r"));
  try {
    const { dataset, count, side } = findImages(file, path, resolution);
    const extras = await readLists(dirname(resolve(path)), count);
    return {
      kind: "celebahq",
      name: basename(path),
      count,
      entry: (index) => toEntry(index, extras),
      digest: digestOf(["celebahq", size, mtimeMs, side, ...extras.stamps]),
      notes: extras.notes,
      async *contents(indices) {
        for (const index of indices) yield { index, read: async () => readImage(dataset, index, side) };
      },
      close: async () => {
        file.close();
      },
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Loaded only when such a file is opened: it is 4 MB of WebAssembly. Its errors are thrown, not printed. */
async function loadH5() {
  const h5 = await import("h5wasm/node");
  (await h5.ready).activate_throwing_error_handler();
  return h5;
}

function findImages(file: File, path: string, resolution: number | undefined) {
  const levels = guard(path, () => file.keys())
    .map((name) => /^data(\d+)x\1$/.exec(name)?.[1])
    .filter((side) => side !== undefined)
    .map(Number)
    .filter((side) => side >= 4)
    .sort((a, b) => a - b);
  if (levels.length === 0) {
    throw new DataError(`${path}: not made by h5tool: it holds no data4x4, data8x8 and so on`);
  }
  const side = resolution ?? levels.findLast((level) => level <= usualResolution) ?? (levels[0] as number);
  if (!levels.includes(side)) {
    throw new DataError(
      `${path}: has no data${side}x${side}; it has ${levels.join(", ")}: choose one with --resolution`,
    );
  }
  const name = `data${side}x${side}`;
  const dataset = guard(path, () => file.get(name)) as Dataset;
  const { shape, type, size, signed, chunks } = guard(path, () => dataset.metadata);
  const isBytes = type === 0 && size === 1 && !signed; // class 0: integers
  const [count = 0, ...rest] = shape ?? [];
  if (!isBytes || count < 1 || rest.join() !== `3,${side},${side}`) {
    throw new DataError(
      `${path}: ${name} is not of images: expected uint8 [n, 3, ${side}, ${side}], got [${shape?.join(", ")}]`,
    );
  }
  if (chunks !== null && chunks.reduce((product, length) => product * length, 1) > maxChunkBytes) {
    throw new DataError(`${path}: ${name} is stored in pieces of [${chunks.join(", ")}], too large to read one by one`);
  }
  return { dataset, count, side };
}

function readImage(dataset: Dataset, index: number, side: number): RawImage {
  const planes = guard("", () => dataset.slice([[index, index + 1], [], [], []]));
  if (!(planes instanceof Uint8Array) || planes.length !== 3 * side * side) throw new DataError("cannot be read whole");
  return { width: side, height: side, pixels: toInterleaved(planes) };
}

/** What lies beside the file. */
interface Lists {
  readonly origins: readonly CelebaHqOrigin[] | undefined;
  readonly attributes: ReadonlyMap<string, Readonly<Record<string, number>>> | undefined;
  readonly notes: string[];
  readonly stamps: (string | number)[];
}

async function readLists(folder: string, count: number): Promise<Lists> {
  const stamps: (string | number)[] = [];
  const has = async (path: string) => {
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined) stamps.push(path, info.size, info.mtimeMs);
    return info !== undefined;
  };
  const list = join(folder, "image_list.txt");
  const origins = (await has(list)) ? await readImageList(list) : undefined;
  if (origins !== undefined && origins.length !== count) {
    const notes = [`${list} lists ${origins.length} images, not ${count}, and was not used`];
    return { origins: undefined, attributes: undefined, notes, stamps };
  }
  const table = join(folder, "list_attr_celeba.txt");
  const attributes = origins !== undefined && (await has(table)) ? await readAttributes(table) : undefined;
  const stranger = attributes && origins?.find(({ file }) => !attributes.has(file));
  if (stranger !== undefined) {
    throw new DataError(
      `${table} does not fit ${list}: it has no line for ${stranger.file}; take both from the same place`,
    );
  }
  return { origins, attributes, notes: [], stamps };
}

function toEntry(index: number, { origins, attributes }: Lists): SourceEntry {
  const name = String(index).padStart(5, "0");
  const origin = origins?.[index];
  if (origin === undefined) return { name, labels: recordOf() };
  const split = origin.index < firstTestImage ? "train" : "test";
  return { name, split, labels: attributes?.get(origin.file) ?? recordOf() };
}

/** HDF5's own words span many lines; what matters is that the file cannot be read. */
function guard<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = /truncated file/.test(message) ? "it is cut short" : "it is damaged, or not HDF5";
    const where = path === "" ? "cannot be read" : `${path}: cannot be read`;
    throw new DataError(`${where}: ${reason}; download or make it again`, { cause: error });
  }
}
