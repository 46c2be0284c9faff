import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { DataError } from "../../base/errors.ts";
import { type Attributes, readAttributes, readPartition } from "./celeba-lists.ts";
import { listFiles, readFiles, selectFiles, stampsOf } from "./folder.ts";
import { classify, digestOf, noteIgnored, type Source } from "./source.ts";

/** Where the parts may be: side by side, in the folders of the published drive, or as CSV, as Kaggle has them. */
const imageFolders = ["img_align_celeba", "Img/img_align_celeba", "img_align_celeba/img_align_celeba"];
const attributeFiles = ["list_attr_celeba.txt", "Anno/list_attr_celeba.txt", "list_attr_celeba.csv"];
const partitionFiles = ["list_eval_partition.txt", "Eval/list_eval_partition.txt", "list_eval_partition.csv"];

/** Whether a folder is CelebA's: aligned images and one of the two lists. */
export async function looksLikeCeleba(root: string): Promise<boolean> {
  if ((await find(root, imageFolders.slice(0, 2))) === undefined) return false;
  return (await find(root, [...attributeFiles, ...partitionFiles])) !== undefined;
}

/**
 * CelebA as published: `img_align_celeba`, its 40 attributes (1 or -1) as labels, split by the partition file into
 * train, val and test. Its crop is the authors', `celeba`.
 * @param path the folder that holds all three
 * @throws DataError naming the file: a part is missing, a list is damaged or does not fit the images
 */
export async function openCeleba(path: string): Promise<Source> {
  const root = resolve(path);
  const attributeFile = await need(path, attributeFiles, "the attributes");
  const partitionFile = await need(path, partitionFiles, "the split into train, val and test");
  const folder = await findImages(path);
  const files = await listFiles(folder);
  const images = selectFiles(files, (name) => classify(name) === "image" && !name.includes("/"));
  const attributes = await readAttributes(attributeFile);
  const partition = await readPartition(partitionFile);
  const names = [...images.names];
  checkFits(attributeFile, attributes, names, folder);
  checkFits(partitionFile, partition, names, folder);
  const spare = attributes.size - names.length;
  const lists = await Promise.all([attributeFile, partitionFile].map((file) => stat(file)));
  return {
    kind: "celeba",
    name: basename(root),
    crop: "celeba",
    count: names.length,
    entry: (index) => {
      const name = names[index] as string;
      return { name, split: partition.get(name) as string, labels: attributes.get(name) as Record<string, number> };
    },
    skipped: images.unreadable,
    digest: digestOf(["celeba", ...lists.flatMap(({ size, mtimeMs }) => [size, mtimeMs])], stampsOf(images)),
    notes: [
      ...noteIgnored(files.names),
      ...(spare > 0 ? [`${attributeFile}: ${spare} of ${attributes.size} images are not there`] : []),
    ],
    contents: (indices) => readFiles(folder, images, indices),
    close: async () => {},
  };
}

/** The deepest folder that is one of images: a zip may have made another one around it. */
async function findImages(path: string): Promise<string> {
  const found = await find(path, ["img_align_celeba/img_align_celeba", ...imageFolders]);
  if (found === undefined) {
    throw new DataError(`${path}: no folder img_align_celeba; unpack img_align_celeba.zip of CelebA there`);
  }
  return found;
}

async function need(path: string, names: readonly string[], what: string): Promise<string> {
  const found = await find(path, names);
  if (found === undefined) {
    throw new DataError(
      `${path}: no ${names[0]}, which holds ${what} of CelebA; put it there, or take the images alone with --source folder`,
    );
  }
  return found;
}

async function find(root: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const path = join(root, name);
    if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  }
  return undefined;
}

function checkFits(
  path: string,
  list: Attributes | ReadonlyMap<string, string>,
  names: readonly string[],
  folder: string,
) {
  const strangers = names.filter((name) => !list.has(name));
  if (strangers.length > 0) {
    throw new DataError(
      `${path} does not fit ${folder}: it has no line for ${strangers.length} of ${names.length} images (first: ${strangers[0]}); take list and images from the same place`,
    );
  }
}
