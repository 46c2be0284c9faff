// What a run computes with: chosen by times on this machine, kept in its checkpoints. The times are written by the tests.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { convolutionForms } from "pioneer-torch";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { stateText } from "../../../src/checkpoint/state.ts";
import { verifyCheckpoint } from "../../../src/checkpoint/verify.ts";
import { machineName } from "../../../src/compute/known-times.ts";
import { addTimes, timesFileName } from "../../../src/compute/times-file.ts";
import { checkpoints, fingerprint } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { discs, makePack } from "../../support/tiny.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = temporaryFolder();
const cache = join(folder, "cache");
const timesFile = join(cache, timesFileName);
let data: string;
beforeAll(async () => {
  data = (await makePack(folder, 20, 8, discs)).path;
});

/** The 3x3 convolutions of 64 channels in a step of 8 images, to 8x8. */
const [at4, enlarging, at8] = ["64>64 4x4", "64>64 4x4 enlarged", "64>64 8x8"] as const;

/** Makes these layers' Winograd convolutions fast on this machine, at 8x8 taps even faster, and all other ways slow. */
async function makeFast(...fast: string[]): Promise<void> {
  const all = (seconds: number) => ({ forward: seconds, toData: seconds, toWeights: seconds });
  const of = (name: string, form: string) => {
    if (!fast.includes(name) || form === "direct") return all(1);
    return form === "winograd" ? all(0.1) : { ...all(1), toWeights: name === at8 ? 0.01 : 1 };
  };
  const times = (name: string) => Object.fromEntries(convolutionForms.map((form) => [`fp32 ${form}`, of(name, form)]));
  rmSync(timesFile, { force: true });
  const layers = [at4, enlarging, at8].map((name) => [`${name} x 8`, times(name)] as const);
  await addTimes(timesFile, machineName(1), new Map(layers));
}

const options =
  "--latent 8 --channels 64 --batch 8 --kimg-per-phase 0.03 --threads 1 --precision fp32 --cache-dir cache".split(" ");
const start = (run: string, ...more: string[]) =>
  pioneer(folder, ["train", "--data", data, "--run", run, ...options, ...more]);
const goOn = (run: string, ...more: string[]) => pioneer(folder, ["train", "--run", run, "--resume", ...more]);
const newest = (run: string) => join(folder, run, checkpoints(join(folder, run)).at(-1) as string);
const computingOf = (run: string) => verifyCheckpoint(newest(run)).computing;
const phase = (number: number, convolutions: unknown) => ({
  phase: number,
  precision: "fp32",
  threads: 1,
  convolutions,
});

describe("a run on a machine where two layers are faster in Winograd's form", () => {
  const mixed = { forward: "winograd", toData: "winograd", toWeights: "taps" };
  const [in0, in1] = [{ [at4]: "winograd" }, { [at4]: "winograd", [at8]: mixed }];
  beforeAll(async () => {
    await makeFast(at4, at8);
    expect(await start("whole")).toMatchObject({ code: 0, stderr: "" });
  });
  beforeEach(() => makeFast(at4, at8));

  test("takes it for them, by phase; checkpoints say so", () => {
    expect(computingOf("whole")).toEqual({ device: "cpu", phases: [phase(0, in0), phase(1, in1)] });
  });

  test("says what decided in its first lines and in log.txt, as does --plan", async () => {
    const expected = [
      `images/s of convolutions alone, 1 threads, as measured before, cache/${timesFileName}:`,
      // An image passes 4x4 in G and, at 8x8, in E.
      "4x4: fp32, winograd in 1, taps in 0 of 1 layers, 1.11 images/s; fp32 winograd 1.11, fp32 direct 0.111",
    ];
    const log = readFileSync(join(folder, "whole/log.txt"), "utf8");
    const { stdout } = await start("planned", "--plan");
    for (const line of expected) {
      expect(log).toContain(` ${line}`);
      expect(stdout).toContain(line);
    }
    expect(stdout).toMatch(/^total .* on cpu, fp32 \(device: .*; precision: asked for\), threads: 1$/m);
  });

  test("goes on with it exactly, whatever is faster by now", async () => {
    expect(await start("stopped", "--max-minutes", "1e-9")).toMatchObject({ code: 0 });
    await makeFast(enlarging);
    const { code, stdout } = await goOn("stopped");
    expect(code).toBe(0);
    expect(stdout).not.toContain("images/s of convolutions");
    expect(computingOf("stopped")).toEqual(computingOf("whole"));
    expect(fingerprint(join(folder, "stopped"))).toEqual(fingerprint(join(folder, "whole")));
    // It is another run otherwise: the tensors say which form was taken.
    await start("other");
    expect(computingOf("other")?.phases[1]).toEqual(phase(1, { [enlarging]: "winograd" }));
    expect(fingerprint(join(folder, "other")).networks).not.toBe(fingerprint(join(folder, "whole")).networks);
  });

  test("takes another form from there on where that is asked for", async () => {
    expect(await start("asked", "--max-minutes", "1e-9")).toMatchObject({ code: 0 });
    expect(await goOn("asked", "--convolutions", "direct")).toMatchObject({ code: 0, stderr: "" });
    expect(computingOf("asked")?.phases).toEqual([phase(0, "direct"), phase(1, "direct")]);
  });

  test("goes on as it was begun where an older version, which did not measure, began it", async () => {
    expect(await start("older", "--max-minutes", "1e-9", "--convolutions", "winograd")).toMatchObject({ code: 0 });
    const state = join(newest("older"), "state.json");
    const { computing: _, ...before } = verifyCheckpoint(newest("older"));
    writeFileSync(state, stateText(before));
    const config = join(folder, "older/config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('"convolutions": "winograd"', '"convolutions": "auto"'));
    const { code, stdout } = await goOn("older");
    expect(code).toBe(0);
    expect(stdout).not.toContain("images/s of convolutions");
    expect(computingOf("older")?.phases).toEqual([phase(0, "winograd"), phase(1, "winograd")]);
  });
});

test("a run of layers that leave no choice measures none", async () => {
  const { code, stdout } = await start("narrow", "--channels", "8", "--max-minutes", "1e-9");
  expect(code).toBe(0);
  expect(stdout).not.toContain("images/s of convolutions");
});
