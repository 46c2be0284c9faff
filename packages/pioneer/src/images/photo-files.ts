import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../base/errors.ts";
import { listFiles } from "../data/sources/folder.ts";
import { findLeftOut } from "../data/sources/left-out.ts";
import { classify } from "../data/sources/source.ts";

/**
 * The photos that paths mean: a folder stands for those in it and below, in the order of their names; anything else for itself.
 * @throws DataError for a folder without any
 */
export async function photoFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
    for (const file of isFolder ? await photosIn(path) : [path]) files.push(file);
  }
  return files;
}

async function photosIn(folder: string): Promise<string[]> {
  const { names, raw } = await listFiles(folder);
  const left = findLeftOut(names);
  const photos = [...names].filter((name) => classify(name) === "image" && !left.has(name) && !raw.has(name));
  if (photos.length === 0) throw new DataError(`${folder}: no photos in it: jpg, png, webp, avif, tiff or gif`);
  return photos.map((name) => join(folder, name));
}
