// Processes as Linux tells of them; elsewhere there are none.
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** @returns its state, one letter, and the process that started it; undefined of one that is gone, or cannot be told of */
export function statOf(pid: number): { readonly state: string; readonly parent: number } | undefined {
  try {
    // The name of the program stands in brackets and may hold anything.
    const [, state = "", parent] = /^.*\) (\S) (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/**
 * What a process started, in order: numbers rise, and begin anew behind the largest. The kernel's own list leaves some out while
 * others end.
 */
export function childrenOf(pid: number): number[] {
  if (!existsSync("/proc")) return [];
  const largest = Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
  const children = readdirSync("/proc")
    .map(Number)
    .filter((each) => statOf(each)?.parent === pid);
  return children.sort((a, b) => (Math.abs(a - b) > largest / 2 ? b - a : a - b));
}

/** Its command line; empty of one that is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
