// What goes wrong while a source is read: with one of its images, which is then skipped, or with the disk it is on,
// which ends the work. A pack without half of its images, because a disk was unplugged, would be kept as the whole one.
import { lstat, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DataError, exitCodes, PioneerError } from "../../base/errors.ts";

/** The disk, not an image: exit code 1. Not a DataError, as those of single images are skipped. */
export class SourceError extends PioneerError {
  constructor(message: string, options?: ErrorOptions) {
    super("DATA", message, exitCodes.failed, options);
  }
}

/** What a system says of one file alone; the others can be read all the same. */
const ofOneFile: Record<string, string> = {
  EACCES: "cannot be read: no permission",
  EPERM: "cannot be read: no permission",
  EISDIR: "is a folder now",
  ELOOP: "is a link that leads to itself",
  ENAMETOOLONG: "cannot be read: its path is too long",
};

/** Why one file is skipped; undefined for what has to do with more than it. */
export function faultOfFile(error: unknown): string | undefined {
  return ofOneFile[systemErrorOf(error)?.code ?? ""];
}

/**
 * An error in reading an image as one line that ends the work, where it is a disk's and not the image's.
 * @param source path, for the message
 * @param name   the image's
 * @returns undefined for an image that cannot be used
 */
export function sourceFailure(error: unknown, source: string, name: string): SourceError | undefined {
  const found = systemErrorOf(error);
  if (found === undefined) return undefined;
  const isLimit = found.code === "EMFILE" || found.code === "ENFILE";
  const mend = isLimit ? "raise the limit of open files (ulimit -n)" : "check that its disk is there and whole";
  const [reason = ""] = found.message.split(/, |\n/);
  return new SourceError(
    `${source}: ${name} cannot be read (${reason}); ${mend}, then run the same command again: it goes on from there`,
    { cause: error },
  );
}

/** The operating system's error, alone or as the cause of another. */
function systemErrorOf(error: unknown): NodeJS.ErrnoException | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ("syscall" in each) return each as NodeJS.ErrnoException;
  }
  return undefined;
}

/** What tells a folder from another at its path, such as the empty one that a disk was mounted on. */
export async function placeOf(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder);
  return `${dev} ${ino}`;
}

/**
 * An error in reading a file of a folder: a DataError for what is wrong with this file alone, else as it came.
 * @param place of the folder when it was listed
 */
export async function fileError(
  error: unknown,
  path: string | Buffer,
  folder: string,
  place: string,
): Promise<unknown> {
  const reason = faultOfFile(error);
  if (reason !== undefined) return new DataError(reason);
  if (systemErrorOf(error)?.code !== "ENOENT") return error;
  const isAlone = await vanishedAlone(path, folder, place).catch(() => false);
  return isAlone ? new DataError("is gone since the folder was listed") : error;
}

/** Whether a file was removed: the folders are as they were, and no link is left whose end is gone. */
async function vanishedAlone(path: string | Buffer, folder: string, place: string): Promise<boolean> {
  if ((await placeOf(folder)) !== place) return false;
  const above = Buffer.isBuffer(path) ? path.subarray(0, path.lastIndexOf("/")) : dirname(path);
  if (!(await stat(above)).isDirectory()) return false;
  return await lstat(path).then(
    () => false,
    () => true,
  );
}
