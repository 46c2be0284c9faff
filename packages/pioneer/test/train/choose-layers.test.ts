// What is left open where a form of convolutions is asked for. The times are written by the tests.
import { join } from "node:path";
import { capabilities, convolutionForms, setThreads } from "pioneer-torch";
import { afterEach, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { machineName } from "../../src/compute/known-times.ts";
import { addTimes, timesFileName } from "../../src/compute/times-file.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { chooseRunComputing } from "../../src/train/choose-computing.ts";
import { measureComputing } from "../../src/train/choose-layers.ts";
import { Trial } from "../../src/train/trial.ts";

setThreads(1);
afterEach(() => setThreads(1));

/** This machine, without a GPU and with units for bf16. */
const able = { ...capabilities(), cudaDevices: 0, cpuBf16: ["amx_bf16"] } as const;

/** What a run of 64 channels computes with, and what it logs. Winograd's form in bf16 is said to be by far the fastest. */
async function choose(cacheDir: string, options: { convolutions: "taps" | "winograd"; precision?: "fp32" }) {
  const config = resolveTrainConfig({
    data: "procedural:faces",
    latent: 8,
    channels: 64,
    batch: 8,
    threads: 1,
    cacheDir,
    ...options,
  });
  const all = (seconds: number) => ({ forward: seconds, toData: seconds, toWeights: seconds });
  const times = Object.fromEntries(
    convolutionForms.flatMap((form) => [
      [`fp32 ${form}`, all(0.5)],
      [`bf16 ${form}`, all(form === "winograd" ? 0.01 : 1)],
    ]),
  );
  const layers = ["64>64 4x4", "64>64 4x4 enlarged", "64>64 8x8"];
  await addTimes(join(cacheDir, timesFileName), machineName(1), new Map(layers.map((name) => [`${name} x 8`, times])));
  const log: string[] = [];
  const trial = await Trial.open(config, "cpu");
  try {
    const chosen = await chooseRunComputing(config, trial, { phases: [0, 1], log: (text) => log.push(text) }, able);
    return { phases: [...chosen.phases.values()], log };
  } finally {
    trial.dispose();
  }
}

test.each([
  ["taps", "taps"],
  // With 64 channels they are direct (docs/design.md).
  ["winograd", "direct"],
] as const)("--convolutions %s: the precision is chosen by times of what is computed, %s", async (asked, form) => {
  const { phases, log } = await choose(temporaryFolder(), { convolutions: asked });
  expect(phases).toMatchObject(Array(2).fill({ precision: "fp32", convolutions: asked }));
  expect(log.slice(1)).toEqual([
    expect.stringMatching(new RegExp(`^4x4: fp32, .* images/s; fp32 ${form} [\\d.]+, bf16 ${form} [\\d.]+$`)),
    expect.stringMatching(new RegExp(`^8x8: fp32, .* images/s; fp32 ${form} [\\d.]+, bf16 ${form} [\\d.]+$`)),
  ]);
});

test("with --convolutions and --precision nothing is left to choose: nothing is timed or told", async () => {
  const { phases, log } = await choose(temporaryFolder(), { convolutions: "taps", precision: "fp32" });
  expect(phases).toMatchObject(Array(2).fill({ precision: "fp32", convolutions: "taps" }));
  expect(log).toEqual([]);
});

test("measured or not, the reason names device and precision", async () => {
  const size = { latent: 8, channels: 8, phase: 0, batch: 2 };
  const why = async (precision: "auto" | "fp32") =>
    (await measureComputing(size, { device: "cpu", precision, threads: 1 }, able)).why;
  expect(await why("auto")).toBe("device: asked for; precision: measured");
  expect(await why("fp32")).toBe("device: asked for; precision: asked for");
});
