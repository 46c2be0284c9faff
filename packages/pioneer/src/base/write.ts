// Every file that is written: made anew and never through a symbolic link, since a folder may come from somebody else. What
// is to be read by others is made beside its place and renamed there, so that no reader sees half of it.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { diskError, makeFolders, onDisk } from "./disk.ts";
import { DataError } from "./errors.ts";
import { hasCode } from "./system-error.ts";
import { nameOfUnfinished, removeLeftovers, whileUnfinished } from "./unfinished.ts";

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND, O_NONBLOCK } = constants;
const makingFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
/** A pipe in the file's place must not be waited for. */
const goingOnFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;
const everybody = 0o666;

/**
 * Makes a file of ours to write and read, where there is none.
 * @returns a descriptor that the caller closes
 * @throws the file system's error, EEXIST where anything has its name
 */
export function createNewFile(path: string): number {
  return openSync(path, makingFlags, everybody);
}

/**
 * Makes a file of ours to write and read. What has its name goes: what an earlier attempt left, or a link, but not what
 * the link points at.
 * @returns a descriptor that the caller closes
 * @throws the file system's error
 */
export function createFile(path: string): number {
  try {
    return createNewFile(path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    unlinkSync(path);
    return createNewFile(path);
  }
}

/** As `createFile`, for writing while other work goes on. */
export async function createFileLater(path: string): Promise<FileHandle> {
  try {
    return await open(path, makingFlags, everybody);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    await unlink(path);
    return open(path, makingFlags, everybody);
  }
}

/**
 * Opens a file of ours to go on with it; one that is missing is made, where it is appended to.
 * @throws the file system's error, ELOOP where it is a symbolic link; DataError where it is a device or a pipe
 */
export function openOurs(path: string, how: "change" | "append"): number {
  const fd = openSync(path, goingOnFlags | (how === "append" ? O_APPEND | O_CREAT : 0), everybody);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new DataError(`${path} is no file, and so not written to: move it away`);
}

/** As `openOurs` to change, for writing while other work goes on. */
export async function openOursLater(path: string): Promise<FileHandle> {
  const file = await open(path, goingOnFlags);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new DataError(`${path} is no file, and so not written to: move it away`);
}

/** Adds to a file all of the text, or nothing. @throws the file system's error */
export function appendWhole(path: string, text: string, { sync = false } = {}): void {
  const fd = openOurs(path, "append");
  try {
    const before = fstatSync(fd).size;
    try {
      writeFileSync(fd, text);
      if (sync) fsyncSync(fd);
    } catch (error) {
      ftruncateSync(fd, before);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

/** Makes a file with its contents, on the disk itself and not only in the system's cache. @throws the file system's error */
export function createWith(path: string, contents: string | Uint8Array): void {
  const fd = createFile(path);
  try {
    writeFileSync(fd, contents);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes a small file of a folder of ours beside and renames it. @throws the file system's error; nothing is left then */
export function replaceFile(path: string, contents: string | Uint8Array): void {
  const beside = `${path}.writing`;
  try {
    createWith(beside, contents);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/**
 * Writes a file beside its place and renames it there, so that a reader never sees half of one.
 * @param folder by default it is made where it is missing
 * @throws DataError in one line if the disk refuses
 */
export async function writeWhole(path: string, bytes: Uint8Array, folder?: "is there"): Promise<void> {
  if (folder === undefined) await onDisk(path, async () => makeFolders(dirname(path)));
  await writeBeside(path, async (beside) => {
    const file = await createFileLater(beside);
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  });
}

/** As `writeWhole`, where something else writes the file that it is given. Its folder is there. */
export async function writeBeside(path: string, write: (beside: string) => Promise<void>): Promise<void> {
  await onDisk(path, async () => {
    const beside = besideOf(path);
    const forget = whileUnfinished(beside);
    try {
      await write(beside);
      await rename(beside, path);
    } finally {
      forget();
      await rm(beside, { force: true });
    }
  });
}

/** Where a file is written before it is renamed to `path`. What killed processes left there goes. */
export function besideOf(path: string): string {
  removeLeftovers(dirname(path));
  return join(dirname(path), nameOfUnfinished());
}

/** Makes a folder in one of ours, where it is not there. @throws DataError where something else has its name, a link for instance */
export function makeOurFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw diskError(error, path);
    if (!lstatSync(path).isDirectory())
      throw new DataError(`${path} is no folder, and so not written to: move it away`);
  }
}
