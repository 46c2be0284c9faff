import { join } from "node:path";
import { DataError } from "../../base/errors.ts";
import { numpyRules, PickledArray } from "../../pickle/numpy.ts";
import { type PickleItem, type PickleKey, readPickle } from "../../pickle/reader.ts";
import type { RawImage } from "../pixels/decode.ts";
import { type CifarFiles, isBatch } from "./cifar-files.ts";
import { toInterleaved } from "./raw.ts";
import { digestOf, type Indices, type Source, type SourceContent } from "./source.ts";

const side = 32;
const imageBytes = 3 * side * side;
const trainingBatches = 5;
/** By label; what the files say of them counts more. */
const classNames = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");

/** Where a batch's images are: image i of [3, 32, 32] bytes begins at `start + i * stride` of its file. */
interface Batch {
  readonly file: string;
  readonly name: string;
  readonly labels: readonly number[];
  readonly start: number;
  readonly stride: number;
}

/** A file as read, and what to call it in an error. */
interface BatchFile {
  readonly file: string;
  readonly path: string;
  readonly bytes: Buffer;
}

/**
 * CIFAR-10 as published, its python or its binary version: 32x32 images in batches. The label is `class`; the test
 * batch is the split `test`.
 * @param path what the files are called in errors
 * @throws DataError naming the file: no batches, cut short, labels beyond 9, a pickle that holds more than data
 */
export async function openCifar(path: string, files: CifarFiles): Promise<Source> {
  try {
    return await describe(path, files);
  } catch (error) {
    await files.close();
    throw error;
  }
}

async function describe(path: string, files: CifarFiles): Promise<Source> {
  const found = files.names.filter(isBatch);
  const binary = found.filter((name) => name.endsWith(".bin"));
  const isBinary = binary.length > 0;
  const chosen = (isBinary ? binary : found).sort((a, b) => batchNumber(a) - batchNumber(b));
  if (chosen.length === 0) {
    throw new DataError(
      `${path}: no batches of CIFAR-10; it needs data_batch_1 to 5 and test_batch, with .bin or without`,
    );
  }
  const batches: Batch[] = [];
  for (const file of chosen) {
    const batch = { file, path: join(path, file), bytes: await files.read(file) };
    batches.push(isBinary ? readBinaryBatch(batch) : readPythonBatch(batch));
  }
  const names = await readClassNames(path, files, isBinary);
  const training = batches.filter(({ name }) => name !== "test_batch").length;
  return {
    kind: "cifar10",
    name: files.name,
    count: batches.reduce((total, { labels }) => total + labels.length, 0),
    entry: (index) => {
      const { batch, place } = locate(batches, index);
      return {
        name: `${batch.name}/${String(place).padStart(5, "0")}`,
        split: batch.name === "test_batch" ? "test" : "train",
        labels: { class: names[batch.labels[place] as number] as string },
      };
    },
    digest: digestOf(["cifar10", ...chosen, ...files.stamps, ...names]),
    notes: training === trainingBatches ? [] : [`holds ${training} of CIFAR-10's ${trainingBatches} training batches`],
    contents: (indices) => readImages(files, batches, indices),
    close: () => files.close(),
  };
}

async function* readImages(
  files: CifarFiles,
  batches: readonly Batch[],
  indices: Indices,
): AsyncIterable<SourceContent> {
  for (const index of indices) {
    const { batch, place } = locate(batches, index);
    yield { index, read: () => readImage(files, batch, place) };
  }
}

function locate(batches: readonly Batch[], index: number): { batch: Batch; place: number } {
  let place = index;
  for (const batch of batches) {
    if (place < batch.labels.length) return { batch, place };
    place -= batch.labels.length;
  }
  throw new RangeError(`no image ${index} in the batches`);
}

async function readImage(files: CifarFiles, { file, start, stride }: Batch, place: number): Promise<RawImage> {
  const planes = await files.read(file, start + place * stride, imageBytes);
  return { width: side, height: side, pixels: toInterleaved(planes) };
}

/** One byte of label and 3072 of pixels an image. */
function readBinaryBatch({ file, path, bytes }: BatchFile): Batch {
  const stride = 1 + imageBytes;
  if (bytes.length === 0 || bytes.length % stride !== 0) {
    throw new DataError(
      `${path}: cut short or not a batch of CIFAR-10: ${bytes.length} bytes are no multiple of ${stride}; download it again`,
    );
  }
  const labels = Array.from({ length: bytes.length / stride }, (_, i) => bytes[i * stride] as number);
  checkLabels(path, labels);
  return { file, name: file.replace(/\.bin$/, ""), labels, start: 1, stride };
}

/** A pickled dict with `data`, uint8 [n, 3072], and `labels`. */
function readPythonBatch({ file, path, bytes }: BatchFile): Batch {
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
  return { file, name: file, labels: labels as number[], start, stride: imageBytes };
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
async function readClassNames(root: string, files: CifarFiles, isBinary: boolean): Promise<readonly string[]> {
  const file = isBinary ? "batches.meta.txt" : "batches.meta";
  if (!files.names.includes(file)) return classNames;
  const path = join(root, file);
  const bytes = await files.read(file);
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
