import { createHash } from "node:crypto";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { type CheckpointState, stateText } from "../../../src/checkpoint/state.ts";
import { facts } from "../../checkpoint/support.ts";
import { commandIn } from "../../support/command.ts";

const folder = temporaryFolder();
const { pioneer, expectError } = commandIn(folder);

const tensors = Buffer.from("not really tensors");
const digest = createHash("sha256").update(tensors).digest("hex");
const state: CheckpointState = {
  ...facts(12_000),
  format: 1,
  version: "0.1.0",
  steps: 375,
  elapsedSeconds: 90,
  resolution: 8,
  alpha: 0.5,
  latent: 64,
  channels: 32,
  networks: { generatorNorm: "pixel", activatedCode: true, head: false },
  schedule: { phases: [{ phase: 0, startImages: 0, fadeImages: 6000 }], totalImages: 48_000 },
  pack: { id: "ab", path: "faces.pack", trainImages: 100 },
  computing: {
    device: "cpu",
    phases: [
      { phase: 0, precision: "fp32", threads: 1, convolutions: "direct" },
      { phase: 1, precision: "bf16", threads: 1, convolutions: { "32>32 8x8": "winograd" } },
    ],
  },
  adamSteps: { generator: {}, encoder: {} },
  poolImages: 0,
  sha256: { "networks.safetensors": digest, "state.safetensors": digest },
};

describe("a run", () => {
  const run = join(folder, "run");
  beforeAll(() => {
    mkdirSync(join(run, "checkpoint-00000012"), { recursive: true });
    writeFileSync(
      join(run, "config.json"),
      JSON.stringify({ format: 1, data: "x", latent: 64, channels: 32, resolution: 16 }),
    );
    const tick = {
      images: 12_000,
      totalImages: 48_000,
      phase: 1,
      alpha: 0.5,
      resolution: 8,
      cosine: 0.25,
      losses: { klReal: 1.5 },
    };
    writeFileSync(join(run, "stats.jsonl"), `${JSON.stringify(tick)}\n{"images":130`);
  });

  test("info says what it is from its files, past a line that was cut off", () => {
    const { status, stdout, stderr } = pioneer("info", run, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: "run",
      config: { latent: 64, channels: 32 },
      checkpoints: ["checkpoint-00000012"],
      last: { images: 12_000, alpha: 0.5 },
    });
    expect(stderr).toContain(
      "progress     12 of 48 kimg\nphase        1 (8x8), alpha 0.500\nlosses       kl_real 1.500 cos 0.250\n",
    );
    expect(stderr).toContain(`newest       ${join(run, "checkpoint-00000012", "state.json")} cannot be read (`);
  });

  test("info says what its newest checkpoint says", () => {
    const told = join(folder, "told");
    cpSync(run, told, { recursive: true });
    for (const [name, pair] of [
      ["checkpoint-00000012", "averaged"],
      ["checkpoint-00000013", "raw"],
    ] as const) {
      mkdirSync(join(told, name), { recursive: true });
      writeFileSync(join(told, name, "state.json"), stateText({ ...state, pair }));
    }
    const { stdout } = pioneer("info", told);
    expect(stdout).toContain("pictures     by the raw networks\ncomputed     cpu, fp32, bf16 from 8x8; threads: 1\n");
    const { computing } = state;
    expect(JSON.parse(pioneer("info", told, "--json").stdout)).toMatchObject({ pair: "raw", computing });
  });

  test("a damaged checkpoint is an error where nothing else says how far the run is", () => {
    const untold = join(folder, "untold");
    cpSync(run, untold, { recursive: true });
    rmSync(join(untold, "stats.jsonl"));
    const path = join(untold, "checkpoint-00000012", "state.json");
    writeFileSync(path, stateText(state).replace("375", "376"));
    expectError(["info", untold], 1, `${path} was edited or cut short: its digest does not match`);
  });

  test("a folder that is no run is refused", () => {
    expectError(
      ["info", folder],
      1,
      `${folder} is neither a run or model (no config.json) nor a checkpoint (no state.json): check the path`,
    );
  });
});

describe("a checkpoint", () => {
  const checkpoint = join(folder, "checkpoint-00000012");

  test("info reads its state, and --verify finds a file that was changed", () => {
    mkdirSync(checkpoint);
    writeFileSync(join(checkpoint, "state.json"), stateText(state));
    for (const name of Object.keys(state.sha256)) writeFileSync(join(checkpoint, name), tensors);
    const { status, stdout, stderr } = pioneer("info", checkpoint, "--verify");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`checkpoint  ${checkpoint}, all checksums good\n`);
    expect(stdout).toContain("progress    12 of 48 kimg in 2 min\n");
    expect(stdout).toContain("computed    cpu, fp32, bf16 from 8x8; threads: 1\n");
    expect(JSON.parse(pioneer("info", checkpoint, "--json").stdout)).toMatchObject({
      kind: "checkpoint",
      images: 12_000,
    });
    writeFileSync(join(checkpoint, "networks.safetensors"), tensors.subarray(1));
    const file = join(checkpoint, "networks.safetensors");
    const line = `${file} was changed or cut short: its sha256 is not the one in state.json; use another checkpoint`;
    expectError(["info", checkpoint, "--verify"], 1, line);
  });
});
