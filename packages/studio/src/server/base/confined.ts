// Files of a folder, and of nothing outside it.
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
  if (plainName.test(name)) {
    const found = await realFile(folder, name);
    if (found !== undefined) return found;
  }
  throw notFound(`there is no file ${JSON.stringify(name.slice(0, 100))} here`);
}

async function realFile(folder: string, name: string): Promise<string | undefined> {
  try {
    const [root, path] = await Promise.all([realpath(folder), realpath(join(folder, name))]);
    return path.startsWith(root + sep) && (await stat(path)).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a folder of this name lies in `root` itself, links followed. */
export async function isFolderIn(root: string, name: string): Promise<boolean> {
  try {
    const [above, path] = await Promise.all([realpath(root), realpath(join(root, name))]);
    return path.startsWith(above + sep) && (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
