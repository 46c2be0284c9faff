import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { extendSchedule, growthAfter, growthSchedule, positionAt, type Schedule } from "../../src/config/schedule.ts";

describe("the paper's schedule", () => {
  const schedule = growthSchedule(5, 2_400_000);

  test("a phase every 2.4 million images, the last one twice as long", () => {
    expect(schedule.phases.map(({ startImages }) => startImages)).toEqual([0, 2.4e6, 4.8e6, 7.2e6, 9.6e6, 12e6]);
    expect(schedule.totalImages).toBe(16.8e6);
  });

  test.each([
    [0, { phase: 0, alpha: 0, startImages: 0, endImages: 2.4e6 }],
    [600_000, { phase: 0, alpha: 0.5, startImages: 0, endImages: 2.4e6 }],
    [1_200_000, { phase: 0, alpha: 1, startImages: 0, endImages: 2.4e6 }],
    [2_399_999, { phase: 0, alpha: 1, startImages: 0, endImages: 2.4e6 }],
    [2_400_000, { phase: 1, alpha: 0, startImages: 2.4e6, endImages: 4.8e6 }],
    [7_500_000, { phase: 3, alpha: 0.25, startImages: 7.2e6, endImages: 9.6e6 }],
    [12_300_000, { phase: 5, alpha: 0.25, startImages: 12e6, endImages: 16.8e6 }],
    [16_800_000, { phase: 5, alpha: 1, startImages: 12e6, endImages: 16.8e6 }],
  ])("after %i images", (images, expected) => {
    expect(positionAt(schedule, images)).toEqual(expected);
  });
});

test("a finished run grows at once, its new block faded in from nothing", () => {
  // Trained to 8x8 with 100 images a phase: done at 300. Batches of 32 make it 320.
  const grown = extendSchedule(growthSchedule(1, 100), growthSchedule(3, 100), 320);
  expect(grown).toEqual({
    phases: [
      { phase: 0, startImages: 0, fadeImages: 50 },
      { phase: 1, startImages: 100, fadeImages: 50 },
      { phase: 2, startImages: 320, fadeImages: 50 },
      { phase: 3, startImages: 420, fadeImages: 50 },
    ],
    totalImages: 620,
  });
  expect(positionAt(grown, 320)).toEqual({ phase: 2, alpha: 0, startImages: 320, endImages: 420 });
});

test("a run grown in the middle of a phase finishes that phase first", () => {
  const grown = extendSchedule(growthSchedule(1, 100), growthSchedule(2, 100), 150);
  expect(grown.phases.at(-1)).toEqual({ phase: 2, startImages: 200, fadeImages: 50 });
  expect(grown.totalImages).toBe(400);
});

describe("for every schedule", () => {
  const sizes = { maxPhase: fc.integer({ min: 0, max: 8 }), imagesPerPhase: fc.integer({ min: 2, max: 5_000_000 }) };
  const share = fc.double({ min: 0, max: 1.2, noNaN: true });

  test("alpha stays in [0, 1], phases and lengths only go up, every phase is reached", () => {
    fc.assert(
      fc.property(fc.record(sizes), fc.array(share, { minLength: 2 }), ({ maxPhase, imagesPerPhase }, shares) => {
        const schedule = growthSchedule(maxPhase, imagesPerPhase);
        const counts = shares.map((part) => Math.floor(part * schedule.totalImages)).sort((a, b) => a - b);
        let before = positionAt(schedule, 0);
        for (const images of counts) {
          const at = positionAt(schedule, images);
          expect(at.alpha).toBeGreaterThanOrEqual(0);
          expect(at.alpha).toBeLessThanOrEqual(1);
          expect(at.startImages).toBeLessThanOrEqual(images);
          expect(at.phase).toBeGreaterThanOrEqual(before.phase);
          if (at.phase === before.phase) expect(at.alpha).toBeGreaterThanOrEqual(before.alpha);
          before = at;
        }
        expect(positionAt(schedule, schedule.totalImages)).toMatchObject({ phase: maxPhase, alpha: 1 });
      }),
    );
  });

  test("extending never changes the past, and ends no earlier", () => {
    fc.assert(
      fc.property(
        fc.record({ ...sizes, more: fc.integer({ min: 0, max: 8 }), now: share, past: share }),
        ({ maxPhase, imagesPerPhase, more, now, past }) => {
          const before = growthSchedule(maxPhase, imagesPerPhase);
          const shown = Math.floor(now * before.totalImages);
          const after = extendSchedule(before, growthSchedule(Math.min(8, maxPhase + more), imagesPerPhase), shown);
          const earlier = Math.floor(Math.min(past, 0.999) * shown); // before `shown`, or both 0
          const { phase, alpha } = positionAt(before, earlier);
          if (earlier < shown) expect(positionAt(after, earlier)).toMatchObject({ phase, alpha });
          expect(after.totalImages).toBeGreaterThanOrEqual(before.totalImages);
          expect(after.phases.map((entry) => entry.phase)).toEqual(after.phases.map((_, i) => i));
          // What is not reached yet keeps its full length.
          for (const [i, { startImages }] of after.phases.entries()) {
            const end = after.phases[i + 1]?.startImages ?? after.totalImages - imagesPerPhase;
            expect(end - startImages).toBeGreaterThanOrEqual(imagesPerPhase);
          }
        },
      ),
    );
  });

  test("going on without growing is the same schedule, whenever it happens", () => {
    fc.assert(
      fc.property(fc.record({ ...sizes, now: share }), ({ maxPhase, imagesPerPhase, now }) => {
        const schedule = growthSchedule(maxPhase, imagesPerPhase);
        const shown = Math.floor(now * schedule.totalImages);
        expect(extendSchedule(schedule, growthSchedule(maxPhase, imagesPerPhase), shown)).toEqual(schedule);
      }),
    );
  });
});

test.each([
  [149, 0.98],
  [150, 1],
  // The next phase has begun: what was trained is still the one before it.
  [208, 1],
])("what phase 1 has grown to after %i images", (images, alpha) => {
  expect(growthAfter(growthSchedule(2, 100), 1, images)).toEqual({ phase: 1, alpha });
});

test("a phase that is cut off while it fades in has grown as far as it got; a forced alpha is what it is", () => {
  const cut: Schedule = {
    phases: [
      { phase: 0, startImages: 0, fadeImages: 100 },
      { phase: 1, startImages: 60, fadeImages: 10 },
    ],
    totalImages: 100,
  };
  expect(growthAfter(cut, 0, 64)).toEqual({ phase: 0, alpha: 0.64 });
  expect(growthAfter({ ...cut, forcedAlpha: 0.3 }, 0, 64)).toEqual({ phase: 0, alpha: 0.3 });
});
