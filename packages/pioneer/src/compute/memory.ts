// How much memory a process may come to hold: what is free, and what limits of its control groups leave, as containers, Slurm
// and systemd set them. Node's own availableMemory() counts files in the cache as taken, and what the process holds already.
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { dirname, join } from "node:path";

/** Where Linux tells. */
export interface Told {
  readonly proc: string;
  readonly cgroups: string;
}

const system: Told = { proc: "/proc", cgroups: "/sys/fs/cgroup" };

/**
 * Bytes that this process may hold in all, with what it holds already.
 * @param sharers processes like this one that will take as much beside it, itself counted
 */
export const availableBytes = (sharers = 1): number => process.memoryUsage.rss() + leftBytes(sharers);

/** Of the bytes that nobody holds yet, what one of so many may take. */
export function leftBytes(sharers = 1, told: Told = system): number {
  return Math.max(0, Math.min(freeBytes(told), ...leftInGroups(told))) / sharers;
}

/** What the kernel could give without swapping. */
function freeBytes({ proc }: Told): number {
  const kiB = /^MemAvailable:\s+(\d+) kB$/m.exec(textOf(join(proc, "meminfo")))?.[1];
  return kiB === undefined ? freemem() : Number(kiB) * 1024;
}

/** What each group that has a limit leaves, from the process's own upwards. */
function leftInGroups({ proc, cgroups }: Told): number[] {
  const lines = textOf(join(proc, "self", "cgroup")).split("\n");
  return lines.flatMap((line) => {
    const [, controllers, path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "") return groupsAbove(path).map((group) => left(join(cgroups, group), second));
    const isOfMemory = controllers?.split(",").includes("memory");
    return isOfMemory ? groupsAbove(path).map((group) => left(join(cgroups, "memory", group), first)) : [];
  });
}

/** "/a/b", "/a" and "/". A container may see its own group as the last, under a name from outside. */
const groupsAbove = (path: string): string[] => (path === "/" ? [path] : [path, ...groupsAbove(dirname(path))]);

/** The files of both versions of control groups; of `stat`, what can be given up at any time: pages of files. */
const first = {
  limit: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  ofFiles: /^total_(?:in)?active_file (\d+)$/gm,
};
const second = { limit: "memory.max", used: "memory.current", ofFiles: /^(?:in)?active_file (\d+)$/gm };

function left(group: string, files: typeof first): number {
  const limit = Number(textOf(join(group, files.limit)).trim() || "max");
  const used = Number(textOf(join(group, files.used)));
  const ofFiles = [...textOf(join(group, "memory.stat")).matchAll(files.ofFiles)].map(([, bytes]) => Number(bytes));
  // "max" is no number, and a group without these files has no limit.
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit - used + ofFiles.reduce((a, b) => a + b, 0);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // another system, or not for us to read
  }
}
