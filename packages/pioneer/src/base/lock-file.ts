import { open, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { diskError, makeFolders, onDisk } from "./disk.ts";
import { DataError } from "./errors.ts";
import { readWhole } from "./read.ts";
import { hasCode, hasEnded } from "./system-error.ts";

/** More is no process and no machine. */
const mostLockBytes = 1000;

/** Locks held by this process: a process id found in a lock file says nothing where ids repeat (containers). */
const held = new Set<string>();

/** Another process is writing a file that one wants to write. */
export class BusyError extends DataError {
  /** "4711 host", as it signs. */
  readonly owner: string;

  constructor(path: string, lock: string, owner: string) {
    super(`${path} is being written by process ${owner}; wait for it, or delete ${lock} if it has ended`);
    this.owner = owner;
  }
}

/** The file that says who writes `path`. */
export const lockOf = (path: string): string => `${path}.lock`;

/**
 * Keeps a second process from writing the same file: `PATH.lock` holds our process id. A lock whose process has
 * ended, on this machine, is taken over.
 * @returns a function that gives the lock back
 * @throws BusyError naming the other process
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const lock = lockOf(path);
  await onDisk(dirname(path), async () => makeFolders(dirname(path)));
  const owner = `${process.pid} ${hostname()}`;
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(lock, "wx");
      await handle.writeFile(owner);
      await handle.close();
      held.add(lock);
      return async () => {
        held.delete(lock);
        await rm(lock, { force: true });
      };
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw diskError(error, path);
    }
    const found = await readWhole(lock, mostLockBytes).then(String, () => "");
    if (attempt > 0 || !isStale(found, lock)) {
      throw new BusyError(path, lock, found || "(unknown)");
    }
    await rm(lock, { force: true });
  }
}

function isStale(owner: string, lock: string): boolean {
  const [pid, host] = owner.split(" ");
  if (host !== hostname() || !/^\d+$/.test(pid ?? "")) return false;
  if (Number(pid) === process.pid) return !held.has(lock);
  return hasEnded(Number(pid));
}
