import { RandomGenerator, randn, scope, type Tensor, tensor } from "pioneer-torch";
import { expect, test } from "vitest";
import { checkFinite } from "../../src/train/divergence.ts";
import { LossRing, ringSteps } from "../../src/train/loss-ring.ts";

const lossNames = ["klReal", "klFake", "klGenerated", "xRecon", "zRecon", "encoder", "generator"];

/** The losses of a step as it leaves them: scalars. */
const lossesOf = (values: readonly number[]): Record<string, Tensor> =>
  Object.fromEntries(lossNames.map((name, i) => [name, tensor([values[i] as number]).reshape([])]));

const row = (step: number) => lossNames.map((_, i) => step + i / 8);
const at = (step: number) => ({ step, images: 8 * step, batch: 8 });

test("the steps come back in their order, each with its own losses, and only once", () => {
  scope(() => {
    const ring = new LossRing(4, "cpu");
    for (const step of [5, 6, 7]) ring.write(lossesOf(row(step)), at(step));
    expect(ring.isFull).toBe(false);
    const read = ring.read();
    expect(read.map(({ step, images }) => [step, images])).toEqual([
      [5, 40],
      [6, 48],
      [7, 56],
    ]);
    expect(read.map(({ losses }) => lossNames.map((name) => losses[name]))).toEqual([row(5), row(6), row(7)]);
    expect(ring.read()).toEqual([]);
    // Rows are used again.
    for (const step of [8, 9, 10, 11]) ring.write(lossesOf(row(step)), at(step));
    expect(ring.isFull).toBe(true);
    expect(() => ring.write(lossesOf(row(12)), at(12))).toThrow(/full/);
    expect(ring.read().map(({ losses }) => losses.klReal)).toEqual([8, 9, 10, 11]);
  });
});

test("a loss that is written over later still counts as it was", () => {
  scope(() => {
    const ring = new LossRing(2, "cpu");
    const losses = lossesOf(row(1));
    ring.write(losses, at(1));
    losses.klReal?.fill_(100);
    expect(ring.read()[0]?.losses.klReal).toBe(1);
  });
});

const run = {
  run: "r",
  lastGood: "r/checkpoint",
  precision: "fp32",
  learningRates: { encoder: 0.001, generator: 0.001 },
} as const;

test("the first bad step is named, although later ones are bad too", () => {
  scope(() => {
    const ring = new LossRing(8, "cpu");
    for (let step = 1; step <= 8; step++) {
      const values = row(step);
      if (step >= 4) values[3] = Number.NaN;
      if (step >= 5) values[0] = Number.POSITIVE_INFINITY;
      ring.write(lossesOf(values), at(step));
    }
    const read = () => {
      for (const { losses, step, images } of ring.read()) checkFinite(losses, { ...run, step, images });
    };
    expect(read).toThrow("training diverged: xRecon is NaN in step 4 (32 images)");
  });
});

test("bfloat16 losses and those of a graph are taken as float32 numbers", () => {
  scope(() => {
    const ring = new LossRing(1, "cpu");
    const losses = lossesOf(row(1));
    const x = randn([], new RandomGenerator(0)).requiresGrad_();
    ring.write({ ...losses, zRecon: x.mul(2), xRecon: (losses.xRecon as Tensor).to("bfloat16") }, at(1));
    const read = ring.read()[0]?.losses;
    expect(read?.zRecon).toBe(Math.fround(2 * x.item()));
    expect(read?.xRecon).toBe(row(1)[3]);
  });
});

test("only a device that has to be waited for gathers steps", () => {
  expect(ringSteps("cpu")).toBe(1);
  expect(ringSteps("cuda")).toBeGreaterThan(1);
  expect(ringSteps("cuda:1")).toBe(ringSteps("cuda"));
});
