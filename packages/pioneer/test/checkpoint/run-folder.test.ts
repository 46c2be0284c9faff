import { spawnSync } from "node:child_process";
import { mkdirSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { lockFile } from "pioneer-torch";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { makeFolders } from "../../src/base/disk.ts";
import { abandonRun, checkNoRun, lockRun } from "../../src/checkpoint/run-folder.ts";

const folder = temporaryFolder();

test("folders are made from the top, and the topmost new one is told", () => {
  const top = join(folder, "a");
  expect(makeFolders(join(top, "b", "c"))).toBe(top);
  expect(makeFolders(join(top, "b", "c"))).toBeUndefined();
  expect(makeFolders(join(top, "b", "d"))).toBe(join(top, "b", "d"));
  symlinkSync(top, join(folder, "link"));
  expect(makeFolders(join(folder, "link", "b"))).toBeUndefined();
});

test("a file in the way is refused", () => {
  writeFileSync(join(folder, "file"), "");
  expect(() => makeFolders(join(folder, "file"))).toThrow("EEXIST");
  expect(() => makeFolders(join(folder, "file", "run"))).toThrow("ENOTDIR");
  symlinkSync("nowhere", join(folder, "dangling"));
  expect(() => makeFolders(join(folder, "dangling"))).toThrow("EEXIST");
});

test("who waits for a run that is given up gets it, on the lock file that is there", async () => {
  const run = join(folder, "given-up");
  expect(await lockRun(run, lockFile)).toBe(run);
  // Another process: its first try comes before the run is given up, its second after.
  let tries = 0;
  const second = lockRun(run, (fd) => {
    if (++tries === 1) {
      abandonRun(run, run, true);
      expect(readdirSync(folder)).not.toContain("given-up");
      return true; // the lock of a file that is no more
    }
    return lockFile(fd);
  });
  expect(await second).toBe(run);
  expect(tries).toBe(2);
  expect(lockFile(openSync(join(run, ".lock"), "a"))).toBe(false);
});

test("without the file system's locks, a file with the process's id keeps others out, until that process has ended", async () => {
  const run = join(folder, "without-locks");
  const without = () => undefined;
  mkdirSync(run);
  // Of a process that is there, of one on a machine that we cannot ask, and of one that has ended.
  const { pid } = spawnSync("true");
  const lock = join(run, ".lock.lock");
  for (const owner of [`${process.ppid} ${hostname()}`, "1 elsewhere"]) {
    writeFileSync(lock, owner);
    await expect(lockRun(run, without, 0)).rejects.toThrow(
      `${run} is being trained by another process (process ${owner}): wait for it, or stop it, or delete ${lock} if it has ended`,
    );
  }
  writeFileSync(lock, `${pid} ${hostname()}`);
  expect(await lockRun(run, without, 0)).toBeUndefined();
  expect(readFileSync(lock, "utf8")).toBe(`${process.pid} ${hostname()}`);
  await expect(lockRun(run, without, 0)).rejects.toThrow(`(process ${process.pid} ${hostname()})`);
  abandonRun(run, run, false);
  expect(readdirSync(folder)).not.toContain("without-locks");
});

test("a run given up leaves a folder that holds something else", async () => {
  const run = join(folder, "used");
  mkdirSync(run);
  expect(await lockRun(run, lockFile)).toBeUndefined();
  writeFileSync(join(run, "config.json"), "{}");
  writeFileSync(join(run, "notes.txt"), "mine");
  abandonRun(run, run, true);
  expect(readdirSync(run)).toEqual(["notes.txt"]);
});

test("a config.json that is not a run's is refused, and never taken away", async () => {
  const run = join(folder, "of-a-model");
  mkdirSync(run);
  const text = JSON.stringify({ format: 1, files: {}, resolution: 32 });
  writeFileSync(join(run, "config.json"), text);
  expect(await lockRun(run, lockFile)).toBeUndefined();
  expect(() => checkNoRun(run)).toThrow(
    /config\.json is not the configuration of a run, and would be lost: give --run/,
  );
  abandonRun(run, undefined, false);
  expect(readdirSync(run)).toEqual(["config.json"]);
  expect(readFileSync(join(run, "config.json"), "utf8")).toBe(text);
});
