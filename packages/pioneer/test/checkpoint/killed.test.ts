// kill -9 in the middle of writing a checkpoint, in one operation on files after the other. Each is left as a killed process
// leaves it; some processes are really killed there, all by `make soak`.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { recoverCheckpoints } from "../../src/checkpoint/files.ts";
import { newestCheckpoint } from "../../src/checkpoint/run-folder.ts";
import { accv2018 } from "../../src/config/recipe.ts";
import { disposeLearner } from "../../src/learner/learner.ts";
import { tinyLearner } from "../support/tiny.ts";
import { digests, facts } from "./support.ts";

vi.setConfig({ testTimeout: process.env.PIONEER_SOAK ? 1_800_000 : 600_000 });

const support = (name: string) => fileURLToPath(new URL(`../support/${name}`, import.meta.url));

/** What a process did to files, each with the paths it named. */
type Operations = readonly (readonly string[])[];

function writing(given: object) {
  const all = { dist: new URL("../../dist", import.meta.url).href, facts: facts(2000), ...given };
  const args = ["--import", support("kill-at.js"), support("write-checkpoints.js"), JSON.stringify(all)];
  const { signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).toBe("");
  return { signal, stdout };
}

test("killed in the middle of any operation: the last checkpoint that was finished is there, whole, and nothing else", () => {
  const folder = temporaryFolder();
  const before = join(folder, "before");
  mkdirSync(before);
  writeCheckpoint(before, tinyLearner({ latent: 2, channels: 2 }), facts(1000));
  const operations = JSON.parse(writing({ folder }).stdout) as Operations;

  // A checkpoint is finished with the rename that makes it appear: the first, and the one that takes its place.
  const [one, two] = ["checkpoint-00000001", "checkpoint-00000002"];
  const [first, second, ...more] = operations.flatMap(([what, from], at) =>
    what === "renameSync" && from?.endsWith(`${two}.writing`) ? [at] : [],
  ) as [number, number, ...number[]];
  expect(more).toEqual([]);
  const run = (at: number) => join(folder, `at-${at}`);
  const held = {
    one: digests(join(before, one)),
    first: digests(join(run(first + 1), two)),
    second: digests(join(folder, "never", two)),
  };
  expect(new Set(Object.values(held).map((files) => files["networks.safetensors"])).size).toBe(3);

  const check = (run: string, at: number) => {
    const where = `in operation ${at}, ${operations[at]?.join(" ")}`;
    recoverCheckpoints(run); // as the next training does
    const newest = newestCheckpoint(run) as string;
    expect(newest, where).toBe(join(run, at <= first ? one : two));
    const expected = at <= first ? held.one : at <= second ? held.first : held.second;
    expect(digests(newest), where).toEqual(expected);
    expect(
      readdirSync(run).filter((name) => name !== one && name !== two),
      where,
    ).toEqual([]);
    const { learner, state } = readCheckpoint(newest, accv2018, 0.001);
    expect(state.images, where).toBe(at <= first ? 1000 : 2000);
    disposeLearner(learner);
  };
  for (const at of operations.keys()) check(run(at), at);

  // Around the moment of change, in a write, and in the removal of the checkpoint before.
  const removal = operations.findIndex(([what, path]) => what === "rmSync" && path?.endsWith(`${one}.writing`));
  const write = operations.findIndex(([what], at) => what === "writeSync" && at > first);
  const really = process.env.PIONEER_SOAK ? [...operations.keys()] : [write, removal, second];
  for (const at of really) {
    const run = join(folder, `killed-${at}`);
    cpSync(before, run, { recursive: true });
    expect(writing({ run, at }), `in operation ${at}, ${operations[at]?.join(" ")}`).toEqual({
      signal: "SIGKILL",
      stdout: "",
    });
    check(run, at);
  }
});
