// A run's data is found from any folder, and is known by its id.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { findNoted } from "../../src/base/place.ts";
import { readRunConfig } from "../../src/checkpoint/run-folder.ts";
import { tiny } from "../support/cli.ts";
import { pioneer } from "../support/in-process.ts";
import { discs, makePack } from "../support/tiny.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = temporaryFolder();
const other = join(folder, "other");
const run = join(folder, "runs", "faces");
const pack = join(folder, "p.pack");

beforeAll(async () => {
  mkdirSync(other);
  renameSync((await makePack(folder, 40, 8, discs)).path, pack);
  const schedule = ["--resolution", "8", "--kimg-per-phase", "0.1"];
  const { code, stderr } = await pioneer(folder, [
    "train",
    "--data",
    "p.pack",
    "--run",
    "runs/faces",
    ...tiny,
    ...schedule,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

const goOn = (cwd: string, kimg: string, ...more: string[]) =>
  pioneer(cwd, ["train", "--run", run, "--resume", "--total-kimg", kimg, ...more]);

test("a run begun with a relative --data goes on, and is measured, from another folder", async () => {
  expect(readRunConfig(run).data).toBe(pack);
  expect(await goOn(other, "0.5")).toMatchObject({ code: 0 });
  const { code, stderr } = await pioneer(other, ["evaluate", "--model", run, "--metrics", "rmse"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("an older run noted relative paths: they are found from the folders above it", async () => {
  const path = join(run, "config.json");
  writeFileSync(path, readFileSync(path, "utf8").replace(pack, "p.pack"));
  expect(readRunConfig(run).data).toBe(pack);
  expect(await goOn(other, "0.6")).toMatchObject({ code: 0 });
  expect(findNoted("procedural:faces", run)).toBe("procedural:faces");
});

test("a pack that took the place of the run's is refused, unless it is asked for; one that is gone is named", async () => {
  renameSync(pack, join(folder, "old.pack"));
  const gone = await goOn(other, "0.7");
  expect([gone.code, gone.stderr]).toEqual([
    1,
    `pioneer: ${pack}, which ${run} learns from, is not there: give --data the place it is at now\n`,
  ]);
  expect(await goOn(folder, "0.7", "--data", "old.pack")).toMatchObject({ code: 0 }); // the mend
  renameSync(join(folder, "old.pack"), join(folder, "moved.pack"));
  renameSync((await makePack(join(folder, "others"), 30, 8, discs)).path, join(folder, "old.pack"));
  const evaluate = ["evaluate", "--model", run, "--metrics", "rmse"];
  const refused = await pioneer(folder, evaluate);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^pioneer: \S+old\.pack holds other images than \S+ was trained on \(id \w{12}; now \w{12}\): give --data the old pack, or --data \S+ to use the new one\n$/,
  );
  for (const data of ["old.pack", "moved.pack"]) {
    expect(await pioneer(folder, [...evaluate, "--data", data])).toMatchObject({ code: 0 });
  }
});
