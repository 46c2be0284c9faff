// Files as others left them: opened only if they are files, and read no further than they may be long.
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { diskError, refusalOf } from "./disk.ts";
import { DataError } from "./errors.ts";
import { formatBytes } from "./format.ts";
import { shellWord } from "./shell-word.ts";

/** A pipe would be waited for, before anything could be asked of it; and a terminal must not become ours. */
const readingFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Text that people or we wrote: configurations, labels, states, directions. */
export const mostTextBytes = 64 * 2 ** 20;

/** Labels and faces of millions of images, a line for each. */
export const mostLabelsBytes = 128 * 2 ** 20;

/** A photo is not larger, and an archive may lie about its sizes. */
export const mostPhotoBytes = 512 * 2 ** 20;

/** An ONNX file is a protobuf message, which holds less than 2 GiB. */
export const largestGraph = 2 ** 31 - 1;

/** JSON nested deeper is none of ours, and would overflow the stack of who walks it. */
const deepestJson = 100;

/** A file while it is looked at. */
export interface OpenFile {
  readonly path: string;
  readonly fd: number;
  readonly bytes: number;
}

/** Opens a file to read. The caller closes it. @throws DataError in one line: refused, a folder, device, pipe or pointer of Git LFS */
export function openFile(path: string): OpenFile {
  try {
    const fd = openSync(path, readingFlags);
    const stat = fstatSync(fd);
    const fault = faultOf(fd, stat);
    if (fault === undefined) return { path, fd, bytes: stat.size };
    closeSync(fd);
    throw new DataError(`${path}${fault}`);
  } catch (error) {
    throw readError(error, path);
  }
}

/** As `openFile`, for reading while other work goes on. */
export async function openFileLater(path: string): Promise<{ readonly file: FileHandle; readonly bytes: number }> {
  try {
    const file = await open(path, readingFlags);
    const stat = await file.stat();
    const fault = faultOf(file.fd, stat);
    if (fault === undefined) return { file, bytes: stat.size };
    await file.close();
    throw new DataError(`${path}${fault}`);
  } catch (error) {
    throw readError(error, path);
  }
}

/** Looks into a file, which is closed in any case. @throws DataError in one line, as `openFile`, or if the disk refuses */
export function lookInto<T>(path: string, look: (file: OpenFile) => T): T {
  const file = openFile(path);
  try {
    return look(file);
  } catch (error) {
    throw readError(error, path);
  } finally {
    closeSync(file.fd);
  }
}

/** Why something is not read, behind its path. */
function faultOf(fd: number, stat: Stats): string | undefined {
  if (stat.isDirectory()) return ": this is a folder; give a file name";
  if (!stat.isFile()) return ": this is a device or a pipe; give a file";
  return isPointer(fd, stat.size) ? ` is ${lfsPointer.kind}: ${lfsPointer.mend}` : undefined;
}

const address = /^(?:https?|ftp|s3|gs|hf):\/\//;

/** What is said of an address in the place of a file or folder; undefined for paths. */
export const refusalOfAddress = (path: string): string | undefined =>
  address.test(path)
    ? `${path} is an address, and nothing is downloaded: fetch it, for instance with \`curl -LO ${shellWord(path)}\`, and give the file`
    : undefined;

/** As `diskError`, of what was only to be read. */
function readError(error: unknown, path: string): unknown {
  const refusal = refusalOf(error) ?? "";
  const isAddress = refusal.startsWith("ENOENT") ? refusalOfAddress(path) : undefined;
  if (isAddress !== undefined) return new DataError(isAddress, { cause: error });
  if (error instanceof DataError || !/^(EACCES|EPERM)/.test(refusal)) return diskError(error, path);
  return new DataError(
    `${path}: no permission to read it; give yourself the right to (chmod u+r), or copy it as its owner`,
    {
      cause: error,
    },
  );
}

/** What Git LFS leaves in the place of a file that was not fetched; shorter than 1024 bytes, by its specification. */
export const lfsPointer = {
  magic: "version https://git-lfs.github.com/spec/",
  kind: "a pointer of Git LFS, not the file itself",
  mend: "run `git lfs pull` where it was cloned",
} as const;

function isPointer(fd: number, bytes: number): boolean {
  const { magic } = lfsPointer;
  if (bytes >= 1024 || bytes < magic.length) return false;
  const start = Buffer.alloc(magic.length);
  return readSync(fd, start, 0, start.length, 0) === start.length && start.toString("latin1") === magic;
}

const tooLong = (path: string, bytes: number, most: number) =>
  new DataError(`${path} has ${formatBytes(bytes)}, at most ${formatBytes(most)} are read: is it the right file?`);

/** All bytes of a file. @param most more are refused, unread @throws DataError in one line */
export async function readWhole(path: string, most: number): Promise<Buffer> {
  const { file, bytes } = await openFileLater(path);
  try {
    if (bytes > most) throw tooLong(path, bytes, most);
    const all = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (let read = 1; at < bytes && read > 0; at += read)
      ({ bytesRead: read } = await file.read(all, at, bytes - at, at));
    return all.subarray(0, at);
  } catch (error) {
    throw readError(error, path);
  } finally {
    await file.close();
  }
}

/** Refuses what `readWhole` refuses, for a reader that takes a path. @throws DataError in one line */
export function checkReadable(path: string, most: number): void {
  lookInto(path, ({ bytes }) => {
    if (bytes > most) throw tooLong(path, bytes, most);
  });
}

/** As `readWhole`, at once. */
export function readWholeSync(path: string, most: number): Buffer {
  return lookInto(path, ({ fd, bytes }) => {
    if (bytes > most) throw tooLong(path, bytes, most);
    const all = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (let read = 1; at < bytes && read > 0; at += read) read = readSync(fd, all, at, bytes - at, at);
    return all.subarray(0, at);
  });
}

/** A text of at most 64 MiB. @throws DataError in one line */
export const readText = async (path: string): Promise<string> =>
  (await readWhole(path, mostTextBytes)).toString("utf8");

/** A list of labels or faces of at most 128 MiB, in UTF-8 or UTF-16. @throws DataError in one line */
export const readLabelsText = async (path: string): Promise<string> => textOf(await readWhole(path, mostLabelsBytes));

/** The text of a list: UTF-8, or UTF-16 where it begins with that's mark, as Excel's "Unicode text". */
export function textOf(bytes: Buffer): string {
  const encodings = { fffe: "utf-16le", feff: "utf-16be" } as const;
  const encoding = encodings[bytes.toString("hex", 0, 2) as keyof typeof encodings] ?? "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

/** As `readText`, at once. */
export const readTextSync = (path: string): string => readWholeSync(path, mostTextBytes).toString("utf8");

/** JSON nested no deeper than a hundred times. @throws SyntaxError in one line */
export function parseJson(text: string): unknown {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inText) {
      if (character === "\\") at++;
      else inText = character !== '"';
    } else if (character === '"') inText = true;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > deepestJson) throw new SyntaxError(`nested deeper than ${deepestJson} times`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // The message quotes the text, breaks of lines and all.
    throw new SyntaxError((error as Error).message.replace(/\s+/g, " "), { cause: error });
  }
}
