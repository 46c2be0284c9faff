// One thread or all, and how it is told.
import { setThreads } from "pioneer-torch";
import { afterEach, expect, test } from "vitest";
import type { PhaseChoice } from "../../src/compute/convolution-choice.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import {
  allWinClearly,
  chooseThreads,
  fastestThreads,
  threadCounts,
  untriedThreads,
} from "../../src/train/choose-threads.ts";
import { formatChoice, formatFinding, formatThreads, fromSizeOn } from "../../src/train/computing-lines.ts";
import { Trial } from "../../src/train/trial.ts";
import { tinyComputing } from "../support/tiny.ts";

afterEach(() => setThreads(1));

const rates = (...speeds: [threads: number, imagesPerSecond: number][]) =>
  speeds.map(([threads, imagesPerSecond]) => ({ threads, imagesPerSecond }));

test("one, half and all of the threads are tried, each once", () => {
  expect([1, 2, 3, 4, 9].map(threadCounts)).toEqual([[1], [1, 2], [1, 3], [1, 2, 4], [1, 4, 9]]);
});

test("the fastest count wins, and of two nearly as fast the smaller", () => {
  expect(fastestThreads(rates([1, 272], [2, 38]))).toBe(1);
  expect(fastestThreads(rates([1, 10], [2, 10.4]))).toBe(1);
  expect(fastestThreads(rates([1, 10], [2, 11]))).toBe(2);
  expect(fastestThreads(rates([1, 10], [4, 20], [8, 20.5]))).toBe(4);
});

test("all threads win clearly where they are much faster than any fewer", () => {
  expect(allWinClearly(rates([1, 10], [2, 14]))).toBe(true);
  expect(allWinClearly(rates([1, 10], [2, 12]))).toBe(false);
  expect(allWinClearly(rates([1, 10], [4, 19], [8, 20]))).toBe(false);
});

test("phases that there was no time to try take all threads, unless these were hopeless in the last that was tried", () => {
  expect(untriedThreads([], 4)).toBe(4);
  expect(untriedThreads(rates([1, 10], [2, 9]), 2)).toBe(2);
  // Seen beside six other processes.
  expect(untriedThreads(rates([1, 209], [2, 3.6]), 2)).toBe(1);
  expect(untriedThreads(rates([1, 20], [2, 30], [4, 5]), 4)).toBe(2);
});

test("each phase has a count of those that may be taken; one alone is not tried", async () => {
  const config = resolveTrainConfig({ data: "procedural:faces", latent: 8, channels: 4 });
  const trial = await Trial.open(config, "cpu");
  const phases = [0, 1].map((phase) => ({ phase, batch: 4 }));
  try {
    const chosen = await chooseThreads(trial, phases, tinyComputing, [1, 2]);
    expect([...chosen.keys()]).toEqual([0, 1]);
    for (const { threads } of chosen.values()) expect([1, 2]).toContain(threads);
    const first = chosen.get(0)?.rates ?? [];
    expect(first.map(({ threads }) => threads)).toEqual([1, 2]);
    for (const { imagesPerSecond } of first) expect(imagesPerSecond).toBeGreaterThan(0);
    expect(await chooseThreads(trial, phases, tinyComputing, [3])).toEqual(
      new Map([0, 1].map((phase) => [phase, { threads: 3, rates: [] }])),
    );
  } finally {
    trial.dispose();
  }
});

test("what differs from phase to phase is told from where on", () => {
  const precisions = ["bf16", "bf16"].map((precision, phase) => [phase, { precision }] as const);
  expect(fromSizeOn(precisions, ({ precision }) => precision)).toBe("bf16");
  const threads = [1, 2, 2, 1].map((count, i) => [1 + i, { count }] as const);
  expect(fromSizeOn(threads, ({ count }) => count)).toBe("1, 2 from 16x16, 1 from 64x64");
});

test("the numbers that decided are told", () => {
  const phases = new Map([
    [0, { threads: 1, rates: rates([1, 272.1], [2, 38]) }],
    [1, { threads: 2, rates: rates([1, 60], [2, 100]) }],
    [2, { threads: 2, rates: [] }],
  ]);
  expect(formatThreads(phases)).toBe(
    "threads: 1, 2 from 8x8 (images/s of small steps at 4x4 272 with 1, 38 with 2; at 8x8 60 with 1, 100 with 2)",
  );
  const choice: PhaseChoice = {
    precision: "bf16",
    convolutions: {
      "256>256 16x16": "winograd",
      "256>256 8x8": { forward: "winograd", toData: "direct", toWeights: "taps" },
    },
    imagesPerSecond: 21.34,
    speeds: [
      { way: "bf16 winograd", imagesPerSecond: 20.1 },
      { way: "fp32 direct", imagesPerSecond: 9.02 },
    ],
    choosable: 3,
  };
  expect(formatChoice(2, choice)).toBe(
    "16x16: bf16, winograd in 2, taps in 1 of 3 layers, 21.3 images/s; bf16 winograd 20.1, fp32 direct 9.02",
  );
});

test("what was found while training is told", () => {
  const compared = rates([1, 45], [2, 26]);
  expect(formatFinding({ slowdown: 3.14, rates: compared, threads: 1 }, 2)).toBe(
    "steps take 3.1 times as long as at best; threads: images/s 45 with 1, 26 with 2, from here on 1",
  );
  expect(formatFinding({ slowdown: 2, rates: compared, threads: 1 }, 1)).toMatch(/26 with 2, 1 as before$/);
  expect(formatFinding({ slowdown: 1, rates: rates([1, 45], [2, 76]), threads: 2 }, 1)).toBe(
    "threads: images/s 45 with 1, 76 with 2, from here on 2",
  );
  expect(formatFinding({ slowdown: 2, rates: [], threads: 2 }, 2)).toBe(
    "steps take 2.0 times as long as at best: other work shares this machine, which fewer threads would wait for less (--resume --threads 1)",
  );
  expect(formatFinding({ slowdown: 2, rates: [], threads: 1 }, 1)).toBe(
    "steps take 2.0 times as long as at best: other work shares this machine",
  );
});
