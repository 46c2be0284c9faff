import { expect, test } from "vitest";
import { formatDuration, formatKimg, formatRate } from "../../src/base/format.ts";
import { formatPlan } from "../../src/cli/output/plan-table.ts";
import type { TickEvent } from "../../src/train/events.ts";
import { formatEnd, formatStart, formatTick } from "../../src/train/progress-line.ts";

test("a tick is one line with all a person watches", () => {
  const tick: TickEvent = {
    kind: "tick",
    images: 12_345,
    totalImages: 144_000,
    phase: 2,
    phaseStartImages: 10_000,
    phaseEndImages: 15_000,
    alpha: 0.9376,
    resolution: 16,
    batch: 32,
    imagesPerSecond: 312.34,
    etaPhaseSeconds: 8.4,
    etaRunSeconds: 5000,
    losses: { klReal: 1.2346, klFake: 2, klGenerated: 3, xRecon: 0.2, zRecon: 0.3, encoder: -0.5, generator: 0.4 },
    cosine: 0.515,
    elapsedSeconds: 60,
    rssMiB: 812.4,
  };
  expect(formatTick(tick)).toBe(
    "12.35 of 144 kimg | phase 2 (16x16) alpha 0.938 | 312 img/s | kl_real 1.235 kl_fake 2.000 kl_generated 3.000 " +
      "x_recon 0.200 z_recon 0.300 encoder -0.500 generator 0.400 cos 0.515 | phase ends in 8 s, run in 1 h 23 min | 812 MiB",
  );
});

test("start and end say what was chosen and what came of it", () => {
  const chosen = { device: "cpu", precision: "bf16", why: "the CPU has amx_bf16", threads: 2 };
  const start = { kind: "start", run: "runs/a", data: "a.pack", count: 1000, totalImages: 144_000, ...chosen } as const;
  const tail = "to 144 kimg; cpu, bf16 (the CPU has amx_bf16), 2 threads";
  expect(formatStart({ ...start, resumed: false, images: 0 })).toBe(
    `training runs/a on 1000 images of a.pack, from the start ${tail}`,
  );
  expect(formatStart({ ...start, resumed: true, images: 500 })).toBe(
    `training runs/a on 1000 images of a.pack, going on at 0.5 ${tail}`,
  );
  // Without progression a new run counts from where its last phase is faded in.
  expect(formatStart({ ...start, resumed: false, images: 500 })).toBe(
    `training runs/a on 1000 images of a.pack, beginning at 0.5 ${tail}`,
  );
  expect(formatEnd({ kind: "end", reason: "time", images: 20_000, path: "runs/a/checkpoint-00000020" })).toBe(
    "time is up at 20 kimg, checkpoint runs/a/checkpoint-00000020",
  );
});

test("durations, thousands of images and rates are rounded as people read them", () => {
  expect([0, 59.4, 59.6, 3599, 3600, 172_799, 172_800, 273_600, Number.POSITIVE_INFINITY].map(formatDuration)).toEqual([
    "0 s",
    "59 s",
    "1 min",
    "1 h 00 min",
    "1 h 00 min",
    "2 d 0 h",
    "2 d 0 h",
    "3 d 4 h",
    "?",
  ]);
  expect([0, 128, 99_994, 100_400, 2_400_000].map(formatKimg)).toEqual(["0", "0.13", "99.99", "100", "2400"]);
  expect([0.01234, 7.126, 4321].map(formatRate)).toEqual(["0.0123", "7.13", "4320"]);
});

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
    why: "the CPU has amx_bf16",
  });
  expect(lines).toEqual([
    "phase  size  batch  kimg  fading         time    memory",
    "    0   4x4    128  2400    1200       30 min   0.5 GiB",
    "    1   8x8    128  2400    1200  20 h 00 min  10.0 GiB",
    "total 4800 kimg in about 20 h 30 min on cpu, bf16 (the CPU has amx_bf16)",
  ]);
});
