// `pioneer import` as a user has it, and what can then be done with the run.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { prepareDataset } from "../../../src/data/prepare.ts";
import { checkpointFile } from "../../import/support.ts";
import { checkpoints } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const folder = temporaryFolder();
let data: string;
beforeAll(async () => {
  data = (await makePack(folder, 40, 32, discs)).path;
});

const stateOf = (run: string) => {
  const name = checkpoints(join(folder, run)).at(-1) ?? "";
  return JSON.parse(readFileSync(join(folder, run, name, "state.json"), "utf8"));
};

describe("an imported run", () => {
  beforeAll(async () => {
    const { code, stdout, stderr } = await pioneer(folder, [
      "import",
      checkpointFile("legacy_state"),
      "--out",
      "run",
      "--batch",
      "8",
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^accv2018, 240 kimg shown, phase 3 \(32x32\), alpha 1, latent 32$/m);
    expect(stdout).toMatch(/^wrote run\/checkpoint-00000240\nnext: pioneer reconstruct --model run /m);
  });

  test("is a model: it reconstructs, samples and is evaluated", async () => {
    const photo = join(folder, "photos-40-32", "0000.png");
    const reconstruct = await pioneer(folder, ["reconstruct", "--model", "run", "--out", "recons", photo]);
    expect(reconstruct).toMatchObject({ code: 0, stderr: "" });
    const sample = await pioneer(folder, ["sample", "--model", "run", "--out", "samples", "--count", "3"]);
    expect(sample).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(folder, "samples"))).toHaveLength(3);
    const evaluate = ["evaluate", "--model", "run", "--metrics", "l1", "--json"];
    const found = await pioneer(folder, [...evaluate, "--data", data]);
    expect(found.code).toBe(0);
    // Far from what it learned, and far from noise: between a perfect image and one of random pixels (2/3).
    expect(JSON.parse(found.stdout).metrics.l1).toBeGreaterThan(0.05);
    const without = await pioneer(folder, evaluate);
    expect([without.code, without.stderr]).toEqual([
      2,
      "pioneer: the run was imported and has no data yet: give --data\n",
    ]);
  });

  test("goes on training where it was: steps, moments and images count on", async () => {
    const before = stateOf("run");
    const resumed = ["train", "--run", "run", "--resume", "--threads", "1", "--total-kimg", "240.024"];
    const go = [...resumed, "--precision", "fp32"];
    const grey = join(folder, "grey.pack");
    await prepareDataset({
      source: "procedural:faces",
      out: grey,
      resolution: 32,
      count: 40,
      colour: "grey",
      crop: "none",
    });
    const other = await pioneer(folder, [...go, "--data", grey]);
    expect([other.code, other.stderr]).toEqual([
      1,
      `pioneer: ${grey} has grey images cropped "none", the imported run knows rgb ones cropped "center": prepare a pack with --colour rgb --crop center\n`,
    ]);
    const without = await pioneer(folder, go);
    expect([without.code, without.stderr]).toEqual([
      2,
      "pioneer: the run was imported and has no data yet: give --data\n",
    ]);
    expect(await pioneer(folder, [...go, "--data", data])).toMatchObject({ code: 0, stderr: "" });
    const after = stateOf("run");
    // Three steps of 8: the encoder moves once in each, the generator twice.
    expect(after).toMatchObject({ images: 240_024, steps: before.steps + 3, phase: 3, alpha: 1 });
    expect(after.adamSteps.encoder["from_rgb.5.bias"]).toBe(before.adamSteps.encoder["from_rgb.5.bias"] + 3);
    expect(after.adamSteps.generator["to_rgb.3.bias"]).toBe(before.adamSteps.generator["to_rgb.3.bias"] + 6);
    // From now on it belongs to these data.
    expect([before.pack.id, after.pack.path, after.pack.trainImages]).toEqual(["", data, 39]);
    const again = await pioneer(folder, resumed);
    expect([again.code, again.stderr]).toEqual([0, ""]);
  });
});

test("--json says what came of it", async () => {
  const files = ["balanced_state", "balanced_SNU", "smile_delta"].map(checkpointFile);
  const { code, stdout } = await pioneer(folder, ["import", ...files, "--out", "balanced", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    out: "balanced",
    checkpoint: "balanced/checkpoint-00002700",
    recipe: "balanced",
    u: "file",
    directions: [{ name: "smile", unit: expect.closeTo(0.10997, 5) }],
  });
});

test.each([
  [
    "a malicious zip",
    ["malicious_zip_state"],
    1,
    /names "posix\.system", which plain data have no use for; it may come from/,
  ],
  ["a malicious stream", ["malicious_legacy_state"], 1, /names "posix\.system"/],
  ["something else", ["README.md"], 1, /was not written by torch\.save/],
  ["no file of this name", ["none"], 1, /none: no such file or folder/],
])("%s: one line, and nothing is there", async (_, files, expected, message) => {
  const before = readdirSync(folder);
  const { code, stdout, stderr } = await pioneer(folder, [
    "import",
    ...files.map(checkpointFile),
    "--out",
    "deep/er/run",
  ]);
  expect([code, stdout]).toEqual([expected, ""]);
  expect(stderr).toMatch(/^pioneer: [^\n]*\n$/);
  expect(stderr).toMatch(message);
  expect(readdirSync(folder)).toEqual(before);
  expect(existsSync("/tmp/pioneer-pwned")).toBe(false);
});

test("a recipe that the layers are not of: exit 2", async () => {
  const before = readdirSync(folder);
  const { code, stderr } = await pioneer(folder, [
    "import",
    checkpointFile("zip_state"),
    "--out",
    "wrong",
    "--recipe",
    "balanced",
  ]);
  expect([code, stderr]).toEqual([
    2,
    "pioneer: --recipe balanced: the layers of the checkpoint are those of accv2018; leave it out\n",
  ]);
  expect(readdirSync(folder)).toEqual(before);
});
