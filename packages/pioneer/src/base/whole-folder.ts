import { existsSync, mkdtempSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { likeOthers, makeFolders, onDisk, removeMade } from "./disk.ts";
import { prefixOfUnfinished, recoverFolder, whileUnfinished } from "./unfinished.ts";

/**
 * Makes a folder appear all at once: `write` fills a folder beside, which is renamed into place. What was there stays until
 * the new one is whole.
 * @throws what `write` throws, and DataError of the disk; nothing is left beside then
 */
export async function writeFolderBeside<T>(out: string, write: (folder: string) => Promise<T>): Promise<T> {
  const target = resolve(out);
  return onDisk(out, async () => {
    const made = makeFolders(dirname(target));
    try {
      recoverFolder(target);
      return await replaceFolder(target, write);
    } catch (error) {
      removeMade(dirname(target), made);
      throw error;
    }
  });
}

async function replaceFolder<T>(target: string, write: (folder: string) => Promise<T>): Promise<T> {
  // A name of its own: whatever else lies there is not ours. Made at once, so that no signal comes before its name is known.
  const beside = mkdtempSync(prefixOfUnfinished(target));
  const forget = whileUnfinished(beside);
  likeOthers(beside);
  const replaced = `${beside}.replaced`;
  try {
    const result = await write(beside);
    await syncFolder(beside);
    if (existsSync(target)) await rename(target, replaced);
    await rename(beside, target);
    await syncFolder(dirname(target));
    return result;
  } finally {
    forget();
    await rm(beside, { recursive: true, force: true });
    // The new one did not take its place.
    if (existsSync(replaced) && !existsSync(target)) await rename(replaced, target);
    await rm(replaced, { recursive: true, force: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
