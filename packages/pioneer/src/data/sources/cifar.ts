import { type FileHandle, open, readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { DataError } from "../../errors.ts";
import { numpyRules, PickledArray } from "../../pickle/numpy.ts";
import { type PickleItem, type PickleKey, readPickle } from "../../pickle/reader.ts";
import type { RawImage } from "../decode.ts";
import { onDisk } from "../disk.ts";
import { readExactly, toInterleaved } from "./raw.ts";
import { digestOf, type Indices, maxFileBytes, type Source, type SourceContent } from "./source.ts";

const side = 32;
const imageBytes = 3 * side * side;
const trainingBatches = 5;
const batchName = /^(data_batch_\d+|test_batch)(\.bin)?$/;
/** By label; what the files say of them counts more. */
const classNames = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");

/** Where a batch's images are: image i of [3, 32, 32] bytes begins at `start + i * stride`. */
interface Batch {
  readonly path: string;
  readonly name: string;
  readonly labels: readonly number[];
  readonly start: number;
  readonly stride: number;
}

type OpenBatch = Batch & { readonly file: FileHandle };

/** Whether a folder holds batches of CIFAR-10, by the names of its files. */
export function looksLikeCifar(files: readonly string[]): boolean {
  return files.some((name) => batchName.test(name));
}

/**
 * CIFAR-10 as published, its python or its binary version: 32x32 images in batches. The label is `class`; the test
 * batch is the split `test`.
 * @param path a folder with data_batch_1 (or data_batch_1.bin) and so on
 * @throws DataError naming the file: no batches, cut short, labels beyond 9, a pickle that holds more than data
 */
export async function openCifar(path: string): Promise<Source> {
  const root = resolve(path);
  const found = (await onDisk(path, () => readdir(root))).filter((name) => batchName.test(name));
  const binary = found.filter((name) => name.endsWith(".bin"));
  const files = (binary.length > 0 ? binary : found).sort((a, b) => batchNumber(a) - batchNumber(b));
  if (files.length === 0) {
    throw new DataError(
      `${path}: no batches of CIFAR-10; it needs data_batch_1 to 5 and test_batch, with .bin or without`,
    );
  }
  const read = binary.length > 0 ? readBinaryBatch : readPythonBatch;
  const batches: Batch[] = [];
  const stamps: number[] = [];
  for (const file of files) {
    const { size, mtimeMs } = await onDisk(join(root, file), () => stat(join(root, file)));
    if (size > maxFileBytes) throw new DataError(`${join(path, file)}: ${size} bytes are too many for CIFAR-10`);
    stamps.push(size, mtimeMs);
    batches.push(await read(join(root, file), file.replace(/\.bin$/, "")));
  }
  const names = await readClassNames(root, binary.length > 0);
  const opened: OpenBatch[] = [];
  for (const batch of batches) opened.push({ ...batch, file: await onDisk(batch.path, () => open(batch.path, "r")) });
  const training = batches.filter(({ name }) => name !== "test_batch").length;
  return {
    kind: "cifar10",
    name: basename(root),
    count: batches.reduce((total, { labels }) => total + labels.length, 0),
    entry: (index) => {
      const { batch, place } = locate(batches, index);
      return {
        name: `${batch.name}/${String(place).padStart(5, "0")}`,
        split: batch.name === "test_batch" ? "test" : "train",
        labels: { class: names[batch.labels[place] as number] as string },
      };
    },
    digest: digestOf(["cifar10", ...files, ...stamps, ...names]),
    notes: training === trainingBatches ? [] : [`holds ${training} of CIFAR-10's ${trainingBatches} training batches`],
    contents: (indices) => readImages(opened, indices),
    close: async () => {
      for (const { file } of opened) await file.close();
    },
  };
}

async function* readImages(batches: readonly OpenBatch[], indices: Indices): AsyncIterable<SourceContent> {
  for (const index of indices) {
    const { batch, place } = locate(batches, index);
    yield { index, read: () => readImage(batch, place) };
  }
}

function locate<B extends Batch>(batches: readonly B[], index: number): { batch: B; place: number } {
  let place = index;
  for (const batch of batches) {
    if (place < batch.labels.length) return { batch, place };
    place -= batch.labels.length;
  }
  throw new RangeError(`no image ${index} in the batches`);
}

async function readImage({ file, start, stride }: OpenBatch, place: number): Promise<RawImage> {
  const planes = await readExactly(file, start + place * stride, imageBytes);
  return { width: side, height: side, pixels: toInterleaved(planes) };
}

/** One byte of label and 3072 of pixels an image. */
async function readBinaryBatch(path: string, name: string): Promise<Batch> {
  const bytes = await onDisk(path, () => readFile(path));
  const stride = 1 + imageBytes;
  if (bytes.length === 0 || bytes.length % stride !== 0) {
    throw new DataError(
      `${path}: cut short or not a batch of CIFAR-10: ${bytes.length} bytes are no multiple of ${stride}; download it again`,
    );
  }
  const labels = Array.from({ length: bytes.length / stride }, (_, i) => bytes[i * stride] as number);
  checkLabels(path, labels);
  return { path, name, labels, start: 1, stride };
}

/** A pickled dict with `data`, uint8 [n, 3072], and `labels`. */
async function readPythonBatch(path: string, name: string): Promise<Batch> {
  const bytes = await onDisk(path, () => readFile(path));
  const dict = unpickle(path, bytes);
  const data = dict.get("data");
  const labels = dict.get("labels");
  const isImages = data instanceof PickledArray && data.dtype === "u1" && !data.isFortran;
  if (!isImages || data.shape.length !== 2 || data.shape[1] !== imageBytes || data.shape[0] === 0) {
    throw new DataError(`${path}: not a batch of CIFAR-10: expected data of uint8 [n, ${imageBytes}]`);
  }
  if (!Array.isArray(labels) || labels.length !== data.shape[0]) {
    throw new DataError(`${path}: not a batch of CIFAR-10: expected ${data.shape[0]} labels, one for each image`);
  }
  checkLabels(path, labels);
  // `data.data` is a view of the file's bytes: only its place is kept, the pixels are read when they are wanted.
  const start = data.data.byteOffset - bytes.byteOffset;
  return { path, name, labels: labels as number[], start, stride: imageBytes };
}

function unpickle(path: string, bytes: Buffer): Map<PickleKey, PickleItem> {
  try {
    const { value } = readPickle(bytes, numpyRules);
    if (value instanceof Map) return value;
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${path} ${error.message}`, { cause: error }) : error;
  }
  throw new DataError(`${path}: not a batch of CIFAR-10: expected a pickled dict`);
}

function checkLabels(path: string, labels: readonly unknown[]): void {
  const wrong = labels.findIndex((label) => !(Number.isInteger(label) && Number(label) >= 0 && Number(label) <= 9));
  if (wrong >= 0) {
    throw new DataError(
      `${path}: not a batch of CIFAR-10: image ${wrong} has label ${String(labels[wrong])}, expected 0 to 9`,
    );
  }
}

/** From batches.meta.txt or the pickled batches.meta, where there is one. */
async function readClassNames(root: string, isBinary: boolean): Promise<readonly string[]> {
  const path = join(root, isBinary ? "batches.meta.txt" : "batches.meta");
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return classNames;
  const names = isBinary
    ? bytes.toString("utf8").split(/\s+/).filter(Boolean)
    : ((unpickle(path, bytes).get("label_names") ?? []) as PickleItem[]).map(String);
  if (names.length !== classNames.length || new Set(names).size !== names.length) {
    throw new DataError(
      `${path}: expected the names of ${classNames.length} classes, got ${names.length}; download it again`,
    );
  }
  return names;
}

function batchNumber(file: string): number {
  return file.startsWith("test") ? Number.POSITIVE_INFINITY : Number(/\d+/.exec(file)?.[0]);
}
