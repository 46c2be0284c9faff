// The processor, and how much of it is ours.
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { dirname, join } from "node:path";

/** "AMD EPYC (family 26, model 2, stepping 1)": names alone do not tell server processors apart. */
export function processorName(): string {
  const name = cpus()[0]?.model ?? "unknown";
  const text = read("/proc/cpuinfo") ?? "";
  const numbers = ["cpu family", "model", "stepping"].flatMap((field) => {
    const [, number] = new RegExp(`^${field}\\s*: (\\d+)$`, "m").exec(text) ?? [];
    return number === undefined ? [] : [`${field.replace("cpu ", "")} ${number}`];
  });
  return numbers.length > 0 ? `${name} (${numbers.join(", ")})` : name;
}

/** Threads that can run at once, at least 1: one for each core that may be used, fewer where a control group grants less time. */
export function availableThreads(): number {
  const quota = cpuQuota();
  const cores = availableParallelism();
  return quota === undefined ? cores : Math.min(cores, Math.max(1, Math.floor(quota)));
}

/**
 * Cores' worth of time that control groups grant this process, the least of its group and those above; undefined where
 * nothing is limited, and where there are none. Both of Linux's versions are read: cpu.max, and cpu.cfs_quota_us.
 * @param proc where the system describes this process @param groups where it mounts control groups
 */
export function cpuQuota(proc = "/proc/self/cgroup", groups = "/sys/fs/cgroup"): number | undefined {
  const quotas = (read(proc) ?? "").split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) return [];
    if (controllers === "") return upwards(path).map((group) => quotaV2(join(groups, group)));
    if (!controllers.split(",").includes("cpu")) return [];
    return [controllers, "cpu"].flatMap((mount) => upwards(path).map((group) => quotaV1(join(groups, mount, group))));
  });
  const known = quotas.filter((quota) => quota !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

/** A path in a group's own view of the tree may not be there: the ones above it then are. */
function upwards(path: string): string[] {
  return path === "/" ? ["/"] : [path, ...upwards(dirname(path))];
}

/** Seconds that processors have computed since the machine began: for all processes, and for this one. */
export interface Computed {
  readonly all: number;
  readonly own: number;
}

export function computed(): Computed {
  const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const { user, system } = process.cpuUsage();
  return { all: all / 1e3, own: (user + system) / 1e6 };
}

/** Processors that others may keep busy: with more, threads that wait for each other take many times as long. */
export const mostOthers = 0.2;

/** How many processors other processes kept busy on average, between two moments that lie so many seconds apart. */
export const busyWithOthers = (before: Computed, after: Computed, seconds: number): number =>
  Math.max(0, after.all - before.all - (after.own - before.own)) / seconds;

/** "50000 100000", or "max 100000" */
function quotaV2(folder: string): number | undefined {
  const [, quota, period] = /^(\d+) (\d+)/.exec(read(join(folder, "cpu.max")) ?? "") ?? [];
  return positive(Number(quota) / Number(period));
}

/** A quota of -1 is none. */
function quotaV1(folder: string): number | undefined {
  return positive(Number(read(join(folder, "cpu.cfs_quota_us"))) / Number(read(join(folder, "cpu.cfs_period_us"))));
}

const positive = (share: number) => (share > 0 && Number.isFinite(share) ? share : undefined);

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
