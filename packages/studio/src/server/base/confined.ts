// Files of a folder, and of nothing outside it.
import type { Stats } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { notFound } from "./errors.ts";

/** A file by its plain name: no folder, nothing hidden. */
const plainName = /^[A-Za-z0-9_][A-Za-z0-9 ._-]*$/;

/**
 * The real path of a file of a folder.
 * @throws StudioError MISSING where there is no such file, where its name leads elsewhere, or where it is a link that does
 */
export async function fileOf(folder: string, name: string): Promise<string> {
  const found = plainName.test(name) ? await heldBy(folder, name) : undefined;
  if (found?.stats.isFile()) return found.path;
  throw notFound(`there is no file ${JSON.stringify(name.slice(0, 100))} here`);
}

/** Whether a folder of this name lies in `root` itself, links followed. */
export async function isFolderIn(root: string, name: string): Promise<boolean> {
  return (await heldBy(root, name))?.stats.isDirectory() === true;
}

/** What a folder holds under a name, links followed; undefined where that is nothing, or outside. */
async function heldBy(folder: string, name: string): Promise<{ path: string; stats: Stats } | undefined> {
  try {
    const [root, path] = await Promise.all([realpath(folder), realpath(join(folder, name))]);
    return path.startsWith(root + sep) ? { path, stats: await stat(path) } : undefined;
  } catch {
    return undefined;
  }
}
