import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/**
 * The process that trains a run now: its number stands in .lock, and the system knows whether it holds the file. The file
 * stays when the process ends.
 * @returns undefined where nobody trains it
 */
export async function trainerOf(run: string): Promise<number | undefined> {
  const path = join(run, ".lock");
  const pid = Number(/^process (\d+)/.exec(await readFile(path, "utf8").catch(() => ""))?.[1]);
  if (!(pid > 1) || !isThere(pid)) return undefined;
  // A number may belong to another program by now. Linux says who holds which file; elsewhere the number has to do.
  const locks = await readFile("/proc/locks", "utf8").catch(() => undefined);
  if (locks === undefined) return pid;
  const inode = await stat(path).then(
    ({ ino }) => String(ino),
    () => "",
  );
  const isHeld = locks.split("\n").some((line) => {
    const [, type, , , , file = ""] = line.split(/\s+/);
    return type === "FLOCK" && file.split(":")[2] === inode;
  });
  return isHeld || (await signsFor(path, pid)) ? pid : undefined;
}

/** Where a file system knows no locks, a file beside says who has the run. */
async function signsFor(path: string, pid: number): Promise<boolean> {
  const text = await readFile(`${path}.lock`, "utf8").catch(() => "");
  return Number(text.split(" ")[0]) === pid;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is there too.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
