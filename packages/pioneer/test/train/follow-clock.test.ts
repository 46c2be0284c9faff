import { expect, test } from "vitest";
import { firstClockSchedule } from "../../src/config/clock-schedule.ts";
import { positionAt, type Schedule } from "../../src/config/schedule.ts";
import { ClockFollower } from "../../src/train/follow-clock.ts";
import type { Session } from "../../src/train/session.ts";
import { tinyLearner } from "../support/tiny.ts";

/** A run of one minute, to 8x8 at most, on a clock that the test moves. */
function follower() {
  const learner = tinyLearner({ latent: 8, channels: 6 });
  const schedule = firstClockSchedule(1, 1);
  const session = {
    config: { minutes: 1 },
    learner,
    schedule,
    images: 0,
    elapsedSeconds: 0,
    lastPhase: 1,
    lastPhaseSeconds: 0.001,
  } as unknown as Session;
  const follows = new ClockFollower(session);
  /** @returns the schedule after so many images in all, at that time */
  const step = (images: number, seconds: number): Schedule => {
    const at = positionAt(session.schedule, session.images);
    session.images = images;
    follows.follow(at, seconds);
    return session.schedule;
  };
  return { step, schedule };
}

test("plans anew every five seconds, and not between", () => {
  const { step, schedule } = follower();
  expect(step(100, 4.9)).toBe(schedule);
  const planned = step(500, 5);
  // 100 images a second; 4x4 has a fifth of the minute.
  expect(planned.phases[1]?.startImages).toBe(500 + 7 * 100);
});

test("a phase whose images are up goes on while it has time, and ends when it has none", () => {
  const { step } = follower();
  const [first, second] = [step(500, 5), step(1300, 8)];
  expect(first.phases[1]?.startImages).toBe(1200);
  expect(positionAt(second, 1300)).toMatchObject({ phase: 0 });
  expect(positionAt(step(8000, 20), 8000)).toMatchObject({ phase: 1, alpha: 0 });
});
