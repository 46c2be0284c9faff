import { expect, test } from "vitest";
import { formatPlan } from "../../../src/cli/output/plan-table.ts";

test("the plan is an aligned table and its total", () => {
  const learningRates = { encoder: 0.001, generator: 0.001 };
  const phase = { batch: 128, images: 2_400_000, fadeImages: 1_200_000, learningRates, margin: 0 };
  const lines = formatPlan({
    phases: [
      { ...phase, phase: 0, resolution: 4, hours: 0.5, memoryMiB: 512 },
      { ...phase, phase: 1, resolution: 8, hours: 20, memoryMiB: 10_240 },
    ],
    totalImages: 4_800_000,
    hours: 20.5,
    device: "cpu",
    precision: "bf16",
    threads: "1, 2 from 8x8",
    why: "the CPU has amx_bf16",
  });
  expect(lines).toEqual([
    "phase  size  batch  kimg  fading         time    memory",
    "    0   4x4    128  2400    1200       30 min   0.5 GiB",
    "    1   8x8    128  2400    1200  20 h 00 min  10.0 GiB",
    "total 4800 kimg in about 20 h 30 min on cpu, bf16 (the CPU has amx_bf16), threads: 1, 2 from 8x8",
  ]);
});
