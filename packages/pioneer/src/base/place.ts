import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";

/** An absolute path of a file that is there; anything else ("procedural:faces", what is gone) as it is. */
export const placeOf = (path: string): string => (existsSync(path) ? resolve(path) : path);

/**
 * Where a path is meant that was noted relative to a folder that is not known any more: seen from here, else from the
 * folders above the one it was noted in.
 * @returns the path as it was noted where there is nothing in any of these
 */
export function findNoted(path: string, notedIn: string): string {
  if (isAbsolute(path) || existsSync(path)) return path;
  for (let folder = resolve(notedIn); folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(dirname(folder), path);
    if (existsSync(found)) return found;
  }
  return path;
}
