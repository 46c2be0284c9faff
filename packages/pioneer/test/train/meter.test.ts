import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Meter } from "../../src/train/meter.ts";

const losses = { klReal: 2, klFake: 3, klGenerated: 4, xRecon: 0.5, zRecon: 1.9, encoder: 0.4, generator: 190 };
const stepOf = (changed: Partial<typeof losses> = {}) => ({ losses: { ...losses, ...changed }, batch: 8 });

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

test("the meter gives the means since the last tick and begins anew", () => {
  const meter = new Meter();
  meter.add([stepOf()]);
  meter.add([stepOf({ klReal: 4, generator: 200 })]);
  expect(meter.take().losses).toEqual({ ...losses, klReal: 3, generator: 195 });
  meter.add([stepOf({ klReal: 10 })]);
  expect(meter.take().losses.klReal).toBe(10);
});

test("images per second are those of the time that was training, of this tick alone", async () => {
  const meter = new Meter();
  meter.add([stepOf(), stepOf()]);
  vi.advanceTimersByTime(4000);
  await meter.pause(() => void vi.advanceTimersByTime(60_000));
  expect(meter.seconds).toBe(64);
  expect(meter.take().imagesPerSecond).toBeCloseTo(16 / 4, 12);
  expect(meter.seconds).toBe(0);
  meter.add([stepOf()]);
  vi.advanceTimersByTime(1000);
  expect(meter.take().imagesPerSecond).toBeCloseTo(8, 12);
});
