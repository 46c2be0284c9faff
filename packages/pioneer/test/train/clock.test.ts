import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SessionClock } from "../../src/train/clock.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

test("a session counts its own minutes, the run's seconds go on, and a checkpoint begins its minutes anew", () => {
  const clock = new SessionClock(1000);
  vi.advanceTimersByTime(90_000);
  expect([clock.minutes, clock.minutesSinceCheckpoint, clock.elapsedSeconds]).toEqual([1.5, 1.5, 1090]);
  clock.noteCheckpoint();
  vi.advanceTimersByTime(30_000);
  expect([clock.minutes, clock.minutesSinceCheckpoint, clock.elapsedSeconds]).toEqual([2, 0.5, 1120]);
});
