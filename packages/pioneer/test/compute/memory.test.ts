// What is free, and what limits of control groups leave. Their files are written here as kernels write them.
import { mkdirSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { availableBytes, leftBytes } from "../../src/compute/memory.ts";

const MiB = 2 ** 20;

/** A system that tells so. */
function system(files: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries({ "proc/meminfo": "MemAvailable:    4194304 kB\n", ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return { proc: join(folder, "proc"), cgroups: join(folder, "cgroup") };
}

/** In MiB. */
const leftOf = (files: Readonly<Record<string, string>>, sharers = 1) => leftBytes(sharers, system(files)) / MiB;

const group = (limit: string, used: number, files: number) => ({
  limit,
  used: String(used * MiB),
  stat: `anon 1\ninactive_file ${(files / 2) * MiB}\nactive_file ${(files / 2) * MiB}\nfile 99999999\n`,
});

test("without limits it is what the kernel says", () => {
  expect(leftOf({})).toBe(4096);
  expect(leftOf({}, 4)).toBe(1024);
  // Here, of a machine that computes.
  expect(availableBytes()).toBeGreaterThan(process.memoryUsage.rss());
  expect(availableBytes()).toBeLessThanOrEqual(totalmem() + process.memoryUsage.rss());
});

test("version 2: the group's own limit or that of one above, where files in memory count as free", () => {
  const at = (name: string, { limit, used, stat }: ReturnType<typeof group>) => ({
    [`cgroup/${name}/memory.max`]: `${limit}\n`,
    [`cgroup/${name}/memory.current`]: `${used}\n`,
    [`cgroup/${name}/memory.stat`]: stat,
  });
  const own = at("job/step", group(String(1024 * MiB), 800, 600));
  const files = { "proc/self/cgroup": "0::/job/step\n", ...own };
  expect(leftOf(files)).toBe(1024 - 800 + 600);
  expect(leftOf({ ...files, ...at("job", group("max", 900, 0)) })).toBe(824);
  expect(leftOf({ ...files, ...at("job", group(String(1024 * MiB), 824, 0)) })).toBe(200);
  expect(leftOf({ ...files, ...at("job", group(String(1024 * MiB), 1100, 0)) }), "over the limit for a while").toBe(0);
});

test("version 1: as a container sees it, whose group has a name from outside", () => {
  const { limit, used, stat } = group(String(512 * MiB), 400, 88);
  const files = {
    "proc/self/cgroup": "5:cpu:/docker/a\n4:memory,other:/docker/a\n0::/\n",
    "cgroup/memory/memory.limit_in_bytes": limit,
    "cgroup/memory/memory.usage_in_bytes": used,
    "cgroup/memory/memory.stat": stat.replaceAll(/^((in)?active)/gm, "total_$1"),
  };
  expect(leftOf(files)).toBe(200);
  expect(leftOf({ ...files, "cgroup/memory/memory.limit_in_bytes": "9223372036854771712" })).toBe(4096);
});
