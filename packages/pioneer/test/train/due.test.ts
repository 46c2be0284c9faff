import { describe, expect, test } from "vitest";
import { type Due, dueAfter, type Intervals, type Moment } from "../../src/train/due.ts";

/** The middle of a phase, a moment after a status line and a checkpoint. */
const quiet: Moment = {
  batch: 8,
  images: 1608,
  steps: 201,
  phaseEndImages: 4000,
  totalImages: 8000,
  stop: undefined,
  minutesOfSession: 4,
  minutesSinceCheckpoint: 1,
  secondsSinceTick: 1,
};
const intervals: Intervals = {
  gridKimg: 0.5,
  checkpointKimg: 0.7,
  checkpointMinutes: 15,
  evaluateEvery: 0.9,
  maxMinutes: 60,
};
const nothing: Due = { tick: false, pictures: false, evaluation: false, checkpoint: false, end: undefined };
const due = (moment: Partial<Moment>, other: Partial<Intervals> = {}) =>
  dueAfter({ ...quiet, ...moment }, { ...intervals, ...other });

test("after most steps nothing is due", () => {
  expect(due({})).toEqual(nothing);
});

describe("every so many thousand images", () => {
  test.each<[keyof Intervals, keyof Due, number]>([
    ["gridKimg", "pictures", 500],
    ["checkpointKimg", "checkpoint", 700],
    ["evaluateEvery", "evaluation", 900],
  ])("%s: %s, after the step that reaches or passes %i, and no other", (_, what, every) => {
    const after = (images: number) => due({ images })[what];
    expect([after(every - 1), after(every), after(every + 7), after(every + 8)]).toEqual([false, true, true, false]);
    expect(due({ images: every })).toEqual({ ...nothing, [what]: true });
  });

  test("a step larger than the interval makes it due once; one without an interval never", () => {
    expect(due({ images: 3000, batch: 1200 })).toEqual({
      ...nothing,
      pictures: true,
      checkpoint: true,
      evaluation: true,
    });
    expect(due({ images: 900 }, { evaluateEvery: undefined }).evaluation).toBe(false);
  });

  test("counted over all steps, each multiple makes it due exactly once, whatever the batch", () => {
    for (const batch of [7, 8, 96]) {
      const steps = Array.from({ length: Math.floor(3900 / batch) }, (_, i) => ({ batch, images: (i + 1) * batch }));
      const count = (what: keyof Due) => steps.filter((step) => due(step)[what]).length;
      const last = steps.at(-1)?.images as number;
      expect([count("pictures"), count("checkpoint"), count("evaluation")]).toEqual(
        [500, 700, 900].map((every) => Math.floor(last / every)),
      );
    }
  });
});

describe("by time", () => {
  test("a status line every five seconds, and after the first step of all", () => {
    expect(due({ secondsSinceTick: 4.99 })).toEqual(nothing);
    expect(due({ secondsSinceTick: 5 })).toEqual({ ...nothing, tick: true });
    expect(due({ steps: 1, images: 8 })).toEqual({ ...nothing, tick: true });
  });

  test("a checkpoint by minutes too", () => {
    expect(due({ minutesSinceCheckpoint: 14.9 })).toEqual(nothing);
    expect(due({ minutesSinceCheckpoint: 15 })).toEqual({ ...nothing, checkpoint: true });
  });
});

test("the end of a phase is drawn, and saved only when its turn comes", () => {
  expect(due({ images: 4008, phaseEndImages: 4004 })).toMatchObject({ pictures: true, checkpoint: false });
  expect(due({ images: 3998, phaseEndImages: 3999 })).toEqual(nothing);
});

describe("an end has its status line and its checkpoint", () => {
  const all = { tick: true, pictures: true, evaluation: false, checkpoint: true };

  test("of the schedule: pictures too", () => {
    const phaseEndImages = 8000;
    const finished = { ...all, evaluation: true, end: "finished" };
    expect(due({ images: 8000, phaseEndImages, batch: 1 })).toEqual(finished);
    expect(due({ images: 8000, phaseEndImages, batch: 1 }, { evaluateEvery: undefined }).evaluation).toBe(false);
    expect(due({ images: 7999, phaseEndImages, batch: 1 }).end).toBeUndefined();
    // The step that passed the last image is the last, whoever asked for what.
    expect(due({ images: 8005, phaseEndImages, stop: "interrupted", minutesOfSession: 61 }).end).toBe("finished");
  });

  test("of the time that it was given: pictures too; without a limit never", () => {
    expect(due({ minutesOfSession: 60 })).toEqual(nothing);
    expect(due({ minutesOfSession: 60.1 })).toEqual({ ...all, end: "time" });
    expect(due({ minutesOfSession: 1e6 }, { maxMinutes: undefined })).toEqual(nothing);
  });

  test("asked for: at once, without pictures; it goes before the time", () => {
    expect(due({ stop: "interrupted" })).toEqual({ ...all, pictures: false, end: "interrupted" });
    expect(due({ stop: "terminated" })).toEqual({ ...all, pictures: false, end: "terminated" });
    expect(due({ stop: "terminated", minutesOfSession: 61 })).toEqual({ ...all, end: "terminated" });
  });
});
