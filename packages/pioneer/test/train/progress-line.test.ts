import { expect, test } from "vitest";
import type { TickEvent } from "../../src/train/events.ts";
import { formatEvent } from "../../src/train/progress-line.ts";

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
  expect(formatEvent(tick)).toBe(
    "12.35 of 144 kimg | phase 2 (16x16) alpha 0.938 | 312 img/s | kl_real 1.235 kl_fake 2.000 kl_generated 3.000 " +
      "x_recon 0.200 z_recon 0.300 encoder -0.500 generator 0.400 cos 0.515 | phase ends in 8 s, run in 1 h 23 min | 812 MiB",
  );
});

test("start and end say what was chosen and what came of it", () => {
  const chosen = { device: "cpu", precision: "bf16", why: "the CPU has amx_bf16", threads: 2 };
  const start = { kind: "start", run: "runs/a", data: "a.pack", count: 1000, totalImages: 144_000, ...chosen } as const;
  const tail = "to 144 kimg; cpu, bf16 (the CPU has amx_bf16), 2 threads";
  expect(formatEvent({ ...start, resumed: false, images: 0 })).toBe(
    `training runs/a on 1000 images of a.pack, from the start ${tail}`,
  );
  expect(formatEvent({ ...start, resumed: true, images: 500 })).toBe(
    `training runs/a on 1000 images of a.pack, going on at 0.5 ${tail}`,
  );
  // Without progression a new run counts from where its last phase is faded in.
  expect(formatEvent({ ...start, resumed: false, images: 500 })).toBe(
    `training runs/a on 1000 images of a.pack, beginning at 0.5 ${tail}`,
  );
  expect(formatEvent({ kind: "end", reason: "time", images: 20_000, path: "runs/a/checkpoint-00000020" })).toBe(
    "time is up at 20 kimg, checkpoint runs/a/checkpoint-00000020",
  );
});
