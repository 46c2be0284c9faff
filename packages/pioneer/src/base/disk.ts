import { chmodSync, existsSync, mkdirSync, rmdirSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DataError } from "./errors.ts";
import { formatBytes } from "./format.ts";

/** Reasons a disk gives for refusing, each with its mend. */
const refusals: Record<string, string> = {
  ENOSPC: "the disk is full; free some space or choose another folder, then run the same command again",
  EDQUOT: "your disk quota is used up; free some space or choose another folder, then run the same command again",
  EFBIG: "the file is larger than this file system or user limit allows; choose another folder",
  EACCES: "no permission; choose a folder you may write to",
  EPERM: "no permission; choose a folder you may write to",
  EROFS: "the file system is read-only; choose another folder",
  ENOENT: "no such file or folder; check the path",
  ENOTDIR: "a part of this path is a file, not a folder; check the path",
  EEXIST: "a file of this name is in the way; choose another folder",
  ELOOP: "a symbolic link is in its place, through which nothing is written or looked for; remove it",
  EISDIR: "this is a folder; give a file name",
  EMFILE: "too many open files; raise the limit (ulimit -n)",
};

const sameCommand = "run the same command again";

/**
 * The error as one line about `path` where the operating system gave a reason, anything else unchanged.
 * @param again how to go on once there is room
 */
export function diskError(error: unknown, path: string, again = sameCommand): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  const refusal = refusals[error.code]?.replace(sameCommand, again);
  if (refusal === undefined && !("syscall" in error)) return error;
  return new DataError(`${path}: ${refusal ?? error.message}`, { cause: error });
}

/** What the operating system says of a file it refused, "ENOSPC: no space left on device, write"; undefined of other errors. */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return "syscall" in error ? error.message : refusalOf(error.cause);
}

/** Runs `work`; what a disk refuses becomes one line about `path`. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, path);
  }
}

/**
 * Makes a folder and those above it. Node 20's own way (`recursive`) tries for ever where a system says "no such
 * file" of a folder whose parent is there, as /proc does.
 * @returns the topmost folder that was made; undefined where all were there
 * @throws the file system's error
 */
export function makeFolders(path: string): string | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const above = existsSync(dirname(path)) ? undefined : makeFolders(dirname(path));
  try {
    mkdirSync(path);
    return above ?? path;
  } catch (error) {
    // Another process may have been quicker.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return above;
    throw error;
  }
}

/** Takes back folders that `makeFolders` made, from `path` up to `made`, as far as they are empty: what is in them is not ours. */
export function removeMade(path: string, made: string | undefined): void {
  if (made === undefined) return;
  try {
    for (let folder = resolve(path); ; folder = dirname(folder)) {
      rmdirSync(folder);
      if (folder === resolve(made)) return;
    }
  } catch {
    // Not empty, or gone.
  }
}

/** Opens a folder that mkdtemp() made for its owner alone to whom the user lets into new folders. */
export const likeOthers = (folder: string): void => chmodSync(folder, 0o777 & ~process.umask());

/**
 * Refuses to begin what the disk cannot hold.
 * @param path  a file to be written; its folder exists
 * @param bytes how much is still to be written
 * @throws DataError with both numbers
 */
export async function checkSpace(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await onDisk(dirname(path), () => statfs(dirname(path)));
  if (bytes > bavail * bsize) {
    throw new DataError(
      `${path}: needs ${formatBytes(bytes)}, but only ${formatBytes(bavail * bsize)} are free; ` +
        "choose another disk, a lower resolution or fewer images",
    );
  }
}
