import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { CheckpointError } from "../../src/base/errors.ts";
import { version } from "../../src/base/version.ts";
import { beginLearner, readCheckpoint, readModelNetworks, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { type CheckpointState, stateText } from "../../src/checkpoint/state.ts";
import { verifyCheckpoint } from "../../src/checkpoint/verify.ts";
import { accv2018, cycle } from "../../src/config/recipe.ts";
import { pioneerKind } from "../../src/networks/index.ts";
import { contents, tinyLearner, train } from "../support/tiny.ts";
import { digests, facts } from "./support.ts";

const growth = { phase: 1, alpha: 1 };
const folder = temporaryFolder();
/** Trained for some steps, so that Adam and the pool hold something. */
const learner = tinyLearner();
let good: string;
beforeAll(() => {
  train(learner, 4, { growth });
  good = writeCheckpoint(folder, learner, facts());
});

/** A copy of the good checkpoint to damage. */
function copy(): string {
  const target = join(folder, "copy");
  rmSync(target, { recursive: true, force: true });
  cpSync(good, target, { recursive: true });
  return target;
}

const files = ["networks.safetensors", "state.safetensors"];

describe("what is written comes back", () => {
  test("in three files, named by the thousands of images", () => {
    expect(good).toBe(join(folder, "checkpoint-00000001"));
    expect(Object.keys(digests(good)).sort()).toEqual(["networks.safetensors", "state.json", "state.safetensors"]);
  });

  test("networks, average, u, Adam and pool are the same to the bit", () => {
    const { state, learner: back } = readCheckpoint(good, accv2018, 0.001);
    expect(learner.pool.count).toBe(16);
    expect(contents(back)).toEqual(contents(learner));
    const { sha256, adamSteps, ...rest } = state;
    expect(rest).toEqual({
      ...facts(),
      format: 1,
      version,
      resolution: 8,
      networks: pioneerKind,
      latent: 8,
      channels: 6,
      poolImages: 16,
    });
    expect(Object.keys(sha256)).toEqual(files);
    expect(adamSteps.generator["to_rgb.1.bias"]).toBe(8);
    expect(adamSteps.encoder["from_rgb.7.bias"]).toBe(4);
    expect(adamSteps.encoder["from_rgb.8.bias"]).toBeUndefined(); // phase 0's, which is not in use
  });

  test("written again, it is the same files", () => {
    const { learner: back } = readCheckpoint(good, accv2018, 0.001);
    expect(digests(writeCheckpoint(join(folder, "again"), back, facts()))).toEqual(digests(good));
  });

  test("training on from it equals training on without it", () => {
    const { learner: back } = readCheckpoint(good, accv2018, 0.001);
    const on = tinyLearner();
    train(on, 4, { growth });
    for (const each of [back, on]) train(each, 4, { growth, seed: 9 });
    expect(contents(back)).toEqual(contents(on));
  });

  test("a new run begins with the networks; an encoder that was not averaged is its own average", () => {
    const begun = beginLearner(join(good, "networks.safetensors"), pioneerKind, cycle, 0.001);
    const source = contents({
      ...learner,
      encoderEma: learner.encoder,
      optimisers: begun.optimisers,
      pool: begun.pool,
    });
    expect(contents(begun)).toEqual(source);
    expect(begun.pool.count).toBe(0);
    expect([begun.optimisers.generator.state.size, begun.optimisers.encoder.state.size]).toEqual([0, 0]);
  });

  test("a learner that has not begun has no Adam state and no pool", () => {
    const fresh = tinyLearner({ latent: 5, channels: 3 });
    const written = writeCheckpoint(folder, fresh, facts(0));
    const { learner: back, state } = readCheckpoint(written, accv2018, 0.001);
    expect(contents(back)).toEqual(contents(fresh));
    expect(state).toMatchObject({ latent: 5, channels: 3, poolImages: 0, adamSteps: { generator: {}, encoder: {} } });
  });

  test("a model needs the encoder and the average only, not the optimisers' file", () => {
    const target = copy();
    rmSync(join(target, "state.safetensors"));
    const { encoder, generator: generatorEma } = readModelNetworks(target);
    expect(encoder.parameters.size).toBe(learner.encoder.parameters.size);
    for (const [name, value] of generatorEma.parameters) {
      expect(value.toFloat32Array()).toEqual(learner.generatorEma.parameter(name).toFloat32Array());
    }
  });
});

/** Reading for training, and checking, fail alike. */
function expectRefused(target: string, message: RegExp): void {
  for (const read of [() => readCheckpoint(target, accv2018, 0.001), () => verifyCheckpoint(target)]) {
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(message);
    expect(read).not.toThrow(/\n/);
  }
}

const inside = (name: string, rest: string) => new RegExp(`/copy/${name.replace(".", "\\.")} ${rest}`);

describe("damage is noticed and named", () => {
  test.each(files)("%s missing", (name) => {
    const target = copy();
    rmSync(join(target, name));
    expectRefused(target, inside(name, "is missing"));
  });

  test.each(files)("%s cut short, by one byte and to nothing", (name) => {
    const target = copy();
    const size = readFileSync(join(target, name)).length;
    for (const length of [size - 1, Math.floor(size / 2), 0]) {
      truncateSync(join(target, name), length);
      expectRefused(target, inside(name, "was changed or cut short: its sha256 is not the one in state.json"));
    }
  });

  test.each(files)("%s with one bit changed, anywhere", (name) => {
    const bytes = readFileSync(join(good, name));
    for (const at of [0, 20, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const target = copy();
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 4, at);
      writeFileSync(join(target, name), changed);
      expectRefused(target, inside(name, "was changed or cut short"));
    }
  });

  test("state.json missing, empty, cut short", () => {
    const target = copy();
    const path = join(target, "state.json");
    const text = readFileSync(path, "utf8");
    for (const part of [text.slice(0, -3), text.slice(0, 200), ""]) {
      writeFileSync(path, part);
      expectRefused(target, inside("state.json", "cannot be read \\("));
    }
    rmSync(path);
    expectRefused(target, inside("state.json", "cannot be read \\(ENOENT"));
  });

  test.each([
    ['"images": 1234', '"images": 1235'],
    ['"alpha": 1', '"alpha": 0.5'],
    ['"poolImages": 16', '"poolImages": 15'],
    ['"elapsedSeconds": 3.25', '"elapsedSeconds": 3.5'],
  ])("state.json with %s made %s", (from, to) => {
    const target = copy();
    const path = join(target, "state.json");
    const text = readFileSync(path, "utf8");
    expect(text).toContain(from);
    writeFileSync(path, text.replace(from, to));
    expectRefused(target, inside("state.json", "was edited or cut short: its digest does not match"));
  });

  test("something else that is JSON", () => {
    const target = copy();
    for (const text of ["null", "[]", '"state"', "{}"]) {
      writeFileSync(join(target, "state.json"), text);
      expectRefused(target, inside("state.json", ""));
    }
  });

  test("state.json without a field, with a digest that fits", () => {
    const target = copy();
    const path = join(target, "state.json");
    const { digest: _, images: __, ...rest } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    writeFileSync(path, stateText(rest as unknown as CheckpointState));
    expectRefused(target, inside("state.json", "is not a checkpoint state: "));
  });

  test("a newer format is refused by its number, before anything else", () => {
    const target = copy();
    const path = join(target, "state.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"format": 1', '"format": 2'));
    expectRefused(target, inside("state.json", "has format 2, newer than this program's 1: update pioneer"));
  });

  test("files of another checkpoint", () => {
    const target = copy();
    const other = tinyLearner({ latent: 8, channels: 6 }, 5);
    const from = writeCheckpoint(join(folder, "other"), other, facts());
    cpSync(join(from, "networks.safetensors"), join(target, "networks.safetensors"));
    expectRefused(target, inside("networks.safetensors", "was changed"));
  });
});
