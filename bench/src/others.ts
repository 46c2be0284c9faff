// What other processes compute while something is measured.
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout } from "node:timers/promises";
import { busyWithOthers, type Computed, computed, mostOthers } from "pioneer-networks/torch";
import { groupBy } from "./profile.ts";

/** Clock ticks of /proc: a hundred a second on every architecture of Linux that Node runs on. */
const ticksPerSecond = 100;

/** @returns a function that says how many processors other processes kept busy on average since this one was called */
export function watchOthers(): () => number {
  const [began, before] = [performance.now(), withDescendants()];
  return () => busyWithOthers(before, withDescendants(), (performance.now() - began) / 1000);
}

/** Looks for some seconds, in which nothing else may be done here. @returns what others do, undefined where it is little */
export async function busyNow(seconds = 3): Promise<string | undefined> {
  const others = watchOthers();
  await setTimeout(1000 * seconds);
  const cores = others();
  return cores > mostOthers
    ? `other processes keep ${cores.toFixed(1)} of ${availableParallelism()} cores busy`
    : undefined;
}

/** What was computed for this process and all that it started, which is its own work too. */
const withDescendants = (): Computed => ({ all: computed().all, own: ownSeconds() });

/**
 * Seconds that this process, its living descendants, and those of them that ended have computed. One that ended counts for
 * the process that waited for it.
 */
export function ownSeconds(): number {
  const processes = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? timesOf(name) : []));
  const children = groupBy(processes, ({ parent }) => parent);
  const root = processes.find(({ id }) => id === process.pid);
  const sum = (of: ProcessTimes): number =>
    (children.get(of.id) ?? []).reduce((seconds, child) => seconds + sum(child), of.seconds);
  return root ? sum(root) : 0;
}

interface ProcessTimes {
  readonly id: number;
  readonly parent: number;
  readonly seconds: number;
}

/** Nothing of a process that has ended meanwhile. */
function timesOf(id: string): ProcessTimes[] {
  try {
    const stat = readFileSync(`/proc/${id}/stat`, "utf8");
    // The name of the program stands in brackets and may hold anything; proc(5) numbers what follows from 3.
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const at = (field: number) => fields[field - 3] ?? 0;
    const ticks = at(14) + at(15) + at(16) + at(17); // user, system, and both of children that were waited for
    return [{ id: Number(id), parent: at(4), seconds: ticks / ticksPerSecond }];
  } catch {
    return [];
  }
}
