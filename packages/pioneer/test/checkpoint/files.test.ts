import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import {
  checkpointName,
  checkpointNames,
  pruneCheckpoints,
  recoverCheckpoints,
  writeFolder,
} from "../../src/checkpoint/files.ts";
import { newestCheckpoint } from "../../src/checkpoint/run-folder.ts";
import { verifyCheckpoint } from "../../src/checkpoint/verify.ts";
import { disposeLearner } from "../../src/learner/learner.ts";
import { tinyLearner } from "../support/tiny.ts";
import { facts } from "./support.ts";

const base = temporaryFolder();
let count = 0;
let run: string;
beforeEach(() => {
  run = join(base, `run-${count++}`);
  mkdirSync(run);
});

/** A folder with one file that says which version it is. */
function make(name: string, text: string): void {
  mkdirSync(join(run, name));
  writeFileSync(join(run, name, "a"), text);
}
const read = (name: string) => readFileSync(join(run, name, "a"), "utf8");
const write = (text: string) => (folder: string) => {
  mkdirSync(folder);
  writeFileSync(join(folder, "a"), text);
};
const name = "checkpoint-00000012";

describe("names", () => {
  test.each([
    [0, "checkpoint-00000000"],
    [999, "checkpoint-00000000"],
    [1000, "checkpoint-00000001"],
    [16_800_000, "checkpoint-00016800"],
  ])("of the first of their kimg: %i images are %s", (images, expected) => {
    expect(checkpointName(run, images)).toBe(expected);
  });

  test("within a kimg no moment takes another's place, the same one does; by name they are in order", () => {
    const learner = tinyLearner();
    const of = (images: number, text: string) => {
      expect(writeCheckpoint(run, learner, facts(images))).toBe(join(run, `checkpoint-${text}`));
    };
    of(11_990, "00000011");
    for (const _ of ["first", "again"]) of(12_064, "00000012");
    for (const _ of ["first", "again"]) of(12_640, "00000012.640");
    of(13_000, "00000013");
    of(13_008, "00000013.008");
    expect(checkpointNames(run).map((each) => verifyCheckpoint(join(run, each)).images)).toEqual([
      11_990, 12_064, 12_640, 13_000, 13_008,
    ]);
    disposeLearner(learner);
  });

  test("once the first of a kimg was pruned, no later one is called like it", () => {
    const learner = tinyLearner();
    for (const images of [12_000, 12_320, 12_640, 12_960]) {
      writeCheckpoint(run, learner, facts(images));
      pruneCheckpoints(run, 1);
      expect(checkpointNames(run).map((each) => verifyCheckpoint(join(run, each)).images)).toEqual([images]);
    }
    disposeLearner(learner);
  });

  test("a damaged one is of no known moment: it is not taken the place of", () => {
    make(name, "damaged");
    expect(checkpointName(run, 12_000)).toBe(`${name}.000`);
  });

  test("only whole checkpoints count, the oldest first", () => {
    for (const folder of [
      "checkpoint-00000012",
      "checkpoint-00000003",
      "checkpoint-00000012.640",
      "checkpoint-00000012.640.writing",
      "checkpoint-00000012.7",
      "checkpoint-00000020.writing",
      "checkpoint-00000019.replaced",
      "damaged-checkpoint-00000018",
      "checkpoint-17",
      "tb",
    ]) {
      mkdirSync(join(run, folder));
    }
    expect(checkpointNames(run)).toEqual(["checkpoint-00000003", "checkpoint-00000012", "checkpoint-00000012.640"]);
    expect(newestCheckpoint(run)).toBe(join(run, "checkpoint-00000012.640"));
    expect(newestCheckpoint(join(run, "nowhere"))).toBeUndefined();
  });
});

describe("writeFolder", () => {
  test("makes the folder appear, then replaces it", () => {
    for (const text of ["first", "second"]) {
      expect(writeFolder(run, name, write(text))).toBe(join(run, name));
      expect(read(name)).toBe(text);
      expect(readdirSync(run)).toEqual([name]);
    }
  });

  test("the folder is not there before it is whole, and the one before it stays until then", () => {
    make(name, "old");
    writeFolder(run, name, (folder) => {
      write("new")(folder);
      expect(checkpointNames(run)).toEqual([name]);
      expect(read(name)).toBe("old");
    });
    expect(read(name)).toBe("new");
  });

  test("one that fails leaves the old one and nothing of its own", () => {
    make(name, "old");
    const fail = () =>
      writeFolder(run, name, (folder) => {
        write("half")(folder);
        throw new Error("no space");
      });
    expect(fail).toThrow("no space");
    expect(readdirSync(run)).toEqual([name]);
    expect(read(name)).toBe("old");
  });
});

describe.each([name, `${name}.640`])("what a killed process leaves of %s is put right", (name) => {
  test("killed while writing: the half goes, the old one stays", () => {
    make(name, "old");
    make(`${name}.writing`, "half");
    recoverCheckpoints(run);
    expect(readdirSync(run)).toEqual([name]);
    expect(read(name)).toBe("old");
  });

  test("killed between the two renames: the old one comes back", () => {
    make(`${name}.replaced`, "old");
    make(`${name}.writing`, "new");
    recoverCheckpoints(run);
    expect(readdirSync(run)).toEqual([name]);
    expect(read(name)).toBe("old");
  });

  test("killed before the old one was removed: the new one stays", () => {
    make(name, "new");
    make(`${name}.replaced`, "old");
    recoverCheckpoints(run);
    expect(readdirSync(run)).toEqual([name]);
    expect(read(name)).toBe("new");
  });

  test("nothing left, nothing changed, whatever else is called; a run that does not exist is no error", () => {
    make(name, "whole");
    const others = ["directions.json.writing", "photo.replaced", "tb", "thesis.writing"];
    for (const other of others) mkdirSync(join(run, other));
    recoverCheckpoints(run);
    expect(readdirSync(run).sort()).toEqual([name, ...others]);
    recoverCheckpoints(join(run, "nowhere"));
  });

  test("a real checkpoint survives being set aside", () => {
    const whole = writeCheckpoint(run, tinyLearner(), facts());
    renameSync(whole, `${whole}.replaced`);
    recoverCheckpoints(run);
    expect(verifyCheckpoint(whole).images).toBe(1234);
  });
});

describe("pruning", () => {
  const all = ["03", "05", "05.320", "13"];
  const named = (number: string) => `checkpoint-000000${number}`;
  beforeEach(() => {
    for (const number of all) make(named(number), "");
  });

  test.each([
    [0, all],
    [1, ["13"]],
    [2, ["05.320", "13"]],
    [3, ["05", "05.320", "13"]],
    [9, all],
  ])("--keep %i", (keep, expected) => {
    pruneCheckpoints(run, keep);
    expect(readdirSync(run).sort()).toEqual(expected.map(named));
  });
});
