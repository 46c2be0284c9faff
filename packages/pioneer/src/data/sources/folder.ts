import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { onDisk } from "../disk.ts";
import { annotate, findLabels } from "./annotate.ts";
import {
  checkFileSize,
  classify,
  compareNames,
  digestOf,
  type ListedFile,
  noteIgnored,
  type Source,
  type SourceContent,
} from "./source.ts";

/**
 * The images in a folder and the folders below it, sorted by path. Links are followed, each folder once.
 * @param labels path of a CSV; without it labels.csv inside or beside the folder is used
 * @throws DataError if a folder cannot be read or the labels do not fit
 */
export async function openFolder(path: string, labels?: string): Promise<Source> {
  const root = resolve(path);
  const files = await listFiles(root);
  const images = files.filter(({ name }) => classify(name) === "image");
  const file = await findLabels(root, labels, async () =>
    files.some(({ name }) => name === "labels.csv") ? await readFile(join(root, "labels.csv"), "utf8") : undefined,
  );
  const { entries, notes } = annotate(
    images.map(({ name }) => name),
    file,
    [`${basename(root)}/`],
  );
  return {
    kind: "folder",
    name: basename(root),
    entries,
    digest: digestOf(["folder", file?.text ?? "", ...images.flatMap((i) => [i.name, i.bytes, i.modified])]),
    notes: [...noteIgnored(files.map(({ name }) => name)), ...notes],
    contents: (indices) => readFiles(root, images, indices),
    close: async () => {},
  };
}

/** Contents of files below `root`. */
export async function* readFiles(
  root: string,
  files: readonly ListedFile[],
  indices: readonly number[],
): AsyncIterable<SourceContent> {
  for (const index of indices) {
    const { name, bytes } = files[index] as ListedFile;
    const read = async () => {
      checkFileSize(bytes);
      return await readFile(join(root, name));
    };
    yield { index, read };
  }
}

/** All files below `root` that are not hidden, sorted by path. */
export async function listFiles(root: string): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  const seen = new Set<string>();
  const visit = async (folder: string): Promise<void> => {
    const path = join(root, folder);
    const real = await onDisk(path, () => realpath(path));
    if (seen.has(real)) return;
    seen.add(real);
    for (const entry of await onDisk(path, () => readdir(path, { withFileTypes: true }))) {
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (classify(name) === "hidden") continue;
      const info = await stat(join(root, name)).catch(() => undefined); // undefined: a link to nowhere
      if (info?.isDirectory()) await visit(name);
      else if (info?.isFile()) files.push({ name, bytes: info.size, modified: info.mtimeMs });
    }
  };
  await visit("");
  return files.sort((a, b) => compareNames(a.name, b.name));
}
