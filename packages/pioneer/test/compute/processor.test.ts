// How many threads are worth having.
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { availableThreads, busyWithOthers, computed, cpuQuota } from "../../src/compute/processor.ts";
import { writeFiles } from "../data/support.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

/** The quota of a process whose description is `process`, with these files where groups are mounted. */
const quota = (process: string, files: Record<string, string>) => {
  writeFiles(folder, { proc: process, "groups/tasks": "1\n", ...files });
  return cpuQuota(join(folder, "proc"), join(folder, "groups"));
};

test("a control group's quota is read as cores (version 2)", () => {
  expect(quota("0::/job\n", { "groups/job/cpu.max": "150000 100000\n" })).toBe(1.5);
});

test("the least of a group and those above it counts", () => {
  const files = { "groups/outer/cpu.max": "200000 100000\n", "groups/outer/inner/cpu.max": "400000 100000\n" };
  expect(quota("0::/outer/inner\n", files)).toBe(2);
});

test("a group without a limit has no quota", () => {
  expect(quota("0::/job\n", { "groups/job/cpu.max": "max 100000\n" })).toBeUndefined();
});

test.each(["cpu", "cpu,cpuacct"])("quotas of version 1 are read where %s is mounted", (mount) => {
  const files = {
    [`groups/${mount}/cpu.cfs_quota_us`]: "-1\n",
    [`groups/${mount}/cpu.cfs_period_us`]: "100000\n",
    [`groups/${mount}/job/cpu.cfs_quota_us`]: "300000\n",
    [`groups/${mount}/job/cpu.cfs_period_us`]: "100000\n",
  };
  expect(quota(`4:memory:/\n3:${mount}:/job\n`, files)).toBe(3);
});

test("in a container, the group of the machine's view is not there, and the container's own is", () => {
  const files = { "groups/cpu/cpu.cfs_quota_us": "50000\n", "groups/cpu/cpu.cfs_period_us": "100000\n" };
  expect(quota("3:cpu:/machine/container-7\n", files)).toBe(0.5);
});

test("there is no quota where there are no control groups, or none that can be understood", () => {
  expect(cpuQuota(join(folder, "none"), join(folder, "none"))).toBeUndefined();
  expect(quota("nonsense\n0::/job\n", { "groups/job/cpu.max": "nonsense\n" })).toBeUndefined();
});

test("at least one thread can run", () => {
  expect(availableThreads()).toBeGreaterThanOrEqual(1);
});

test("of what all processes computed, this one's part is not the others'", () => {
  expect(busyWithOthers({ all: 100, own: 10 }, { all: 104, own: 13 }, 2)).toBe(0.5);
  // Ticks of the system's clock may lag behind our own.
  expect(busyWithOthers({ all: 100, own: 10 }, { all: 102, own: 12.01 }, 2)).toBe(0);
});

test("seconds of all processes and of this one are read", () => {
  const before = computed();
  while (computed().own - before.own < 0.5);
  const after = computed();
  // The system counts in ticks of a hundredth of a second, on each processor.
  expect(after.all - before.all).toBeGreaterThan(0.4);
});
