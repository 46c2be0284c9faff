import { describe, expect, test } from "vitest";
import { clockSchedule, endShare, firstClockSchedule, leastImages } from "../../src/config/clock-schedule.ts";
import { type Position, positionAt, type Schedule, type SchedulePhase } from "../../src/config/schedule.ts";

const budget = 480;
const batch = 32;
/** Seconds between two plans. */
const tick = 5;

/** A run on a clock that only its steps move. @param rateAt images a second at a time, of a phase */
function run(maxPhase: number, rateAt: (seconds: number, phase: number) => number, expected = rateAt) {
  let [images, seconds, told] = [0, 0, 0];
  let began = { images, seconds };
  const plan = (before: Schedule, phase: number) =>
    clockSchedule(before, phase, maxPhase, budget, {
      images,
      seconds,
      rate: (p) => (p === phase ? (images - began.images) / (seconds - began.seconds) : expected(seconds, p)),
    });
  let schedule: Schedule = firstClockSchedule(budget / 60, maxPhase);
  const ends: { phase: number; seconds: number; images: number }[] = [];
  const alphas: number[] = [];
  let last: Position | undefined;
  while (images < schedule.totalImages) {
    const at = positionAt(schedule, images);
    if (last && at.phase !== last.phase) ends.push({ phase: last.phase, seconds, images: images - last.startImages });
    last = at;
    if (at.phase > 0) alphas.push(at.alpha); // 4x4 has nothing to fade in from
    images += batch;
    seconds += batch / rateAt(seconds, at.phase);
    if (images < at.endImages && seconds - told < tick) continue;
    told = seconds;
    schedule = plan(schedule, at.phase);
    if (positionAt(schedule, images).phase !== at.phase) began = { images, seconds };
  }
  ends.push({ phase: last?.phase ?? 0, seconds, images: images - (last?.startImages ?? 0) });
  return { ends, alphas, schedule };
}

test("shares of the time: each phase longer than the one before, the last twice that", () => {
  expect([0, 1, 2, 3].map((index) => 14 * endShare(index, 4))).toEqual([1, 3, 6, 14]);
  expect(endShare(0, 1)).toBe(1);
});

describe("phases end when their share of the time is over", () => {
  const steady = (_: number, phase: number) => 800 / 2 ** phase;

  test("on a steady machine", () => {
    const { ends } = run(3, steady);
    expect(ends.map(({ phase }) => phase)).toEqual([0, 1, 2, 3]);
    for (const { phase, seconds } of ends) {
      // To the step: those of the slowest phase take a third of a second.
      expect(Math.abs(seconds - budget * endShare(phase, 4))).toBeLessThan(0.5);
    }
  });

  test("also where another process takes nine tenths of the machine from half of the time on", () => {
    const { ends } = run(3, (seconds, phase) => steady(seconds, phase) / (seconds > budget / 2 ? 10 : 1));
    expect(ends.map(({ phase }) => phase)).toEqual([0, 1, 2, 3]);
    // To the step: beside the other process they take up to 3.2 s.
    for (const { phase, seconds } of ends) {
      expect(Math.abs(seconds - budget * endShare(phase, 4))).toBeLessThan(3.5);
    }
  });
});

test("a machine that stands still for 20 s ends no phase early, and alpha does not leap", () => {
  const quick = (_: number, phase: number) => 800 / 2 ** phase;
  const standing = (seconds: number) => seconds > 120 && seconds < 140;
  const { ends, alphas } = run(3, (at, phase) => quick(at, phase) * (standing(at) ? 0.04 : 1), quick);
  // Of whole images: half of one takes at most 5 ms at these rates.
  for (const { phase, seconds } of ends) expect(seconds).toBeGreaterThan(budget * endShare(phase, 4) - 0.01);
  // A plan's step of 5 s is a tenth of the 51 s that a block of 16x16 fades in over; a standing step takes 6 s of it.
  const leaps = alphas.slice(1).map((alpha, i) => alpha - (alphas[i] as number));
  const within = leaps.filter((leap, i) => (alphas[i] as number) < 1 && leap > -0.5);
  expect(Math.max(...within)).toBeLessThan(0.25);
});

test("a slow machine stays with resolutions that see enough images, and uses all of the time", () => {
  const { ends } = run(3, (_, phase) => 33 / 2 ** phase);
  expect(ends.map(({ phase }) => phase)).toEqual([0, 1]);
  expect(ends.at(-1)?.images).toBeGreaterThan(leastImages(1));
  expect(Math.abs((ends.at(-1)?.seconds ?? 0) - budget)).toBeLessThan(2.5);
});

test("one that was busy at first goes on to the resolutions there is time for then", () => {
  const { ends } = run(3, (seconds, phase) => 800 / 2 ** phase / (seconds < 20 ? 20 : 1));
  expect(ends.map(({ phase }) => phase)).toEqual([0, 1, 2, 3]);
});

test("a resolution that there is time for after all cuts short none that has begun", () => {
  const begun = [0, 1000, 40_000, 167_000].map((startImages, phase) => ({ phase, startImages, fadeImages: 500 }));
  const planned = (shown: number) => {
    // Of five phases 32x32 would end after 240 s, half of the time.
    const pace = { images: 167_000 + shown, seconds: 235, rate: (phase: number) => (phase === 3 ? 60 : 150) };
    return clockSchedule({ phases: begun, totalImages: 190_000 }, 3, 4, budget, pace);
  };
  const short = planned(2000);
  expect(short.phases.map(({ phase }) => phase)).toEqual([0, 1, 2, 3]);
  expect(short.totalImages).toBe(169_000 + (480 - 235) * 60);
  const enough = planned(leastImages(3) - 5 * 60);
  expect(enough.phases.at(-1)).toMatchObject({ phase: 4, startImages: 167_000 + leastImages(3) });
});

test("a resolution sees more images the larger it is, or is not begun", () => {
  expect([0, 1, 2, 3, 4, 5].map(leastImages)).toEqual([3000, 3000, 3000, 10_000, 30_000, 30_000]);
  const lastOf = (rate: number) => run(4, (_, phase) => (phase === 4 ? rate : 200)).ends.at(-1)?.phase;
  // 64x64 would have half of the time, and all that one step takes.
  expect([lastOf((leastImages(4) / budget) * 2.05), lastOf((leastImages(4) / budget) * 1.95)]).toEqual([4, 3]);
});

test("alpha rises to 1 in each phase, half way through its time", () => {
  const { alphas, schedule } = run(2, (_, phase) => 500 / 2 ** phase);
  expect(alphas.every((alpha) => alpha >= 0 && alpha <= 1)).toBe(true);
  const { startImages, fadeImages } = schedule.phases[1] as SchedulePhase;
  const length = (schedule.phases[2] as SchedulePhase).startImages - startImages;
  expect(Math.abs(fadeImages / length - 0.5)).toBeLessThan(0.05);
  expect(alphas.at(-1)).toBe(1);
});

test("what has begun stays, also where more time is given later", () => {
  const begun = [
    { phase: 0, startImages: 0, fadeImages: 500 },
    { phase: 1, startImages: 1000, fadeImages: 800 },
  ];
  const pace = { images: 30_000, seconds: 60, rate: () => 300 };
  const longer = clockSchedule({ phases: begun, totalImages: 30_100 }, 1, 2, 600, pace);
  expect(longer.phases.slice(0, 2)).toEqual(begun);
  // 8x8 ends after 1 + 2 of 1 + 2 + 6 parts of ten minutes.
  expect(longer.phases[2]?.startImages).toBe(30_000 + 140 * 300);
  expect(longer.totalImages).toBe(30_000 + 540 * 300);
});

test("a run that goes on begins as it was planned last, up to the largest phase; one whose time is over has ended", () => {
  const phases = [
    { phase: 0, startImages: 0, fadeImages: 500 },
    { phase: 1, startImages: 1000, fadeImages: 800 },
  ];
  const before = { schedule: { phases, totalImages: 9000 }, images: 1500, elapsedSeconds: 50 };
  const { phases: planned, totalImages } = firstClockSchedule(2, 3, before);
  expect(planned.slice(0, 2)).toEqual(phases);
  expect(planned.map(({ startImages }) => startImages)).toEqual([0, 1000, 9000, 9000 + leastImages(2)]);
  expect(totalImages).toBe(9000 + leastImages(2) + leastImages(3));
  expect(firstClockSchedule(0.5, 3, before)).toEqual({ phases, totalImages: 1500 });
});

test("a phase that was to have no fade fades in after all where it has not begun, and stays as it is where it has", () => {
  const whole = { phase: 0, startImages: 0, fadeImages: 0 };
  const before = { phases: [whole], totalImages: 1000 };
  const planned = (images: number) =>
    clockSchedule(before, 0, 0, budget, { images, seconds: 0, rate: () => 100 }).phases;
  expect(planned(0)).toEqual([{ ...whole, fadeImages: (budget / 2) * 100 }]);
  expect(planned(1)).toEqual([whole]);
});

test("a run that begins grown shares its time among the phases from there on", () => {
  const first = firstClockSchedule(2, 3, undefined, 2);
  expect(first.phases.map(({ phase, fadeImages }) => [phase, fadeImages])).toEqual([
    [2, 0],
    [3, 5000],
  ]);
  const pace = { images: 1000, seconds: 5, rate: () => 200 };
  // Two phases: shares 1/5 (1 of 1 + 2 + 2) and 4/5 of 120 s.
  const planned = clockSchedule(first, 2, 3, 120, pace);
  expect(planned.phases).toEqual([
    { phase: 2, startImages: 0, fadeImages: 0 },
    { phase: 3, startImages: 1000 + 19 * 200, fadeImages: (96 * 200) / 2 },
  ]);
  expect(planned.totalImages).toBe(1000 + 19 * 200 + 96 * 200);
  // Where there is no time for 10,000 images of the next one, the first lasts to the end.
  expect(clockSchedule(first, 2, 3, 50, pace)).toEqual({
    phases: [{ phase: 2, startImages: 0, fadeImages: 0 }],
    totalImages: 1000 + 45 * 200,
  });
  expect(positionAt(first, 0)).toMatchObject({ phase: 2, alpha: 1 });
});
