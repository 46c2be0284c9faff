// A run that does not fit into the memory it may have, as a container or Slurm limits it.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { bin, Pioneer, tiny } from "../../support/cli.ts";
import { discs, makePack } from "../../support/tiny.ts";

vi.setConfig({ testTimeout: 240_000 });

const folder = temporaryFolder();
const limitMiB = 330;

/** A control group with a limit, of whichever version there is; undefined where none can be made. */
const group = (() => {
  for (const [root, limit] of [
    ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"],
    ["/sys/fs/cgroup", "memory.max"],
  ] as const) {
    const path = join(root, `pioneer-test-${process.pid}`);
    try {
      if (!existsSync(join(root, "cgroup.procs"))) continue;
      mkdirSync(path);
      writeFileSync(join(path, limit), String(limitMiB * 2 ** 20));
      return path;
    } catch {
      if (existsSync(path)) rmdirSync(path);
    }
  }
  return undefined;
})();
if (!group) console.log("skipped: a limit of memory needs the right to make a control group");
afterAll(() => {
  if (group) rmdirSync(group);
});

test.skipIf(!group)("it is refused in one line with the batch that would fit, and that does", async () => {
  const data = (await makePack(folder, 40, 64, discs)).path;
  const enter = ["sh", "-c", `echo $$ > ${group}/cgroup.procs; exec "$@"`, "sh", process.execPath, bin];
  const train = (batch: string) => {
    const args = [
      "--resolution",
      "64",
      "--channels",
      "32",
      "--kimg-per-phase",
      "0.01",
      "--total-kimg",
      "0.06",
      "--batch",
      batch,
    ];
    return new Pioneer(folder, ["train", "--data", data, "--run", "run", ...tiny, ...args], {}, enter).end;
  };
  const { code, stderr } = await train("4:4,8:4,16:4,32:4,64:38");
  const [line, fits = ""] =
    /^pioneer: the last phase \(64x64, batch 38\) needs about \d+ MiB, \d+ MiB are available: a --batch of (\d+) would fit there: give "64:\d+", or fewer --channels\n$/.exec(
      stderr,
    ) ?? [];
  expect(line, stderr).toBe(stderr);
  expect(code).toBe(2);
  expect(existsSync(join(folder, "run"))).toBe(false);
  expect(Number(fits)).toBeGreaterThan(4);
  if (process.env.PIONEER_SOAK === undefined) return;
  expect(await train(`4:4,8:4,16:4,32:4,64:${fits}`)).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(join(folder, "run", "log.txt"), "utf8")).toContain("finished at");
});
