import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import {
  changesOf,
  extendSchedule,
  growthSchedule,
  positionAt,
  settingsAt,
  startFadedIn,
  startOfPhase,
} from "../../src/config/schedule.ts";
import { parseScheduleFile, scheduleFromFile } from "../../src/config/schedule-file.ts";

const parse = (value: unknown) => parseScheduleFile(JSON.stringify(value), "mine.json");
const entry = (images: number, phase: number, more: object = {}) => ({ images, phase, ...more });

describe("a schedule file", () => {
  const file = parse({
    entries: [
      entry(0, 0, { learningRate: 0.001, margin: 0 }),
      entry(1000, 1, { learningRate: { encoder: 0.0005, generator: 0.002 }, margin: 0.05 }),
      entry(1500, 1, { margin: 0.02 }),
      entry(3000, 2),
    ],
    totalImages: 9000,
    fadeImages: 400,
  });

  test("gives phases, and settings that change within one", () => {
    const schedule = scheduleFromFile(file, 2, 800);
    expect(schedule.phases).toEqual([
      { phase: 0, startImages: 0, fadeImages: 400 },
      { phase: 1, startImages: 1000, fadeImages: 400 },
      { phase: 2, startImages: 3000, fadeImages: 400 },
    ]);
    expect(schedule.totalImages).toBe(9000);
    // Fading goes by the first entry of a phase.
    expect(positionAt(schedule, 1200)).toMatchObject({ phase: 1, alpha: 0.5 });
    expect(positionAt(schedule, 1500)).toMatchObject({ phase: 1, alpha: 1, startImages: 1000, endImages: 3000 });
    expect(settingsAt(schedule, 999)).toMatchObject({ learningRates: { encoder: 0.001, generator: 0.001 }, margin: 0 });
    expect(settingsAt(schedule, 1000)).toMatchObject({
      learningRates: { encoder: 0.0005, generator: 0.002 },
      margin: 0.05,
    });
    expect(settingsAt(schedule, 1500)).toEqual({ startImages: 1500, learningRates: undefined, margin: 0.02 });
    expect(settingsAt(schedule, 99_999)).toEqual({ startImages: 3000, learningRates: undefined, margin: undefined });
    expect(changesOf(schedule)).toEqual([0, 1000, 1500, 3000, 9000]);
  });

  test("cut at a lower resolution its last phase lasts twice a phase's length", () => {
    const schedule = scheduleFromFile(file, 1, 800);
    expect(schedule.phases.map(({ phase }) => phase)).toEqual([0, 1]);
    expect(schedule.totalImages).toBe(1500 + 1600);
    expect(schedule.settings?.length).toBe(3);
  });

  test("goes on with phases of the usual length beyond its last entry, which keeps its own", () => {
    const schedule = scheduleFromFile(file, 4, 800);
    expect(schedule.phases.slice(3)).toEqual([
      { phase: 3, startImages: 3800, fadeImages: 400 },
      { phase: 4, startImages: 4600, fadeImages: 400 },
    ]);
    expect(schedule.totalImages).toBe(9000);
  });

  test("is the same when the run goes on, whatever the length of its phases", () => {
    const schedule = scheduleFromFile(file, 2, 800);
    for (const shown of [0, 1400, 8999])
      expect(extendSchedule(schedule, scheduleFromFile(file, 2, 800), shown)).toEqual(schedule);
  });

  test("a run that grows has the rest of it: at once when done, as planned before, later where it is late", () => {
    const [cut, whole] = [scheduleFromFile(file, 1, 800), scheduleFromFile(file, 2, 800)];
    // In time: what such a run from the beginning has.
    expect(extendSchedule(cut, whole, 2000)).toEqual(whole);
    // Done at 3100, then some: 200 images late.
    const late = extendSchedule(cut, whole, 3200);
    expect(late.phases).toEqual([...cut.phases, { phase: 2, startImages: 3200, fadeImages: 400 }]);
    expect(late.settings?.slice(3)).toEqual([{ ...whole.settings?.[3], startImages: 3200 }]);
    expect(late.totalImages).toBe(9200);
    // Once late, always late: beyond the file's last entry by its fade and the usual length.
    const further = extendSchedule(late, scheduleFromFile(file, 3, 800), 3300);
    expect(further.phases.at(-1)).toEqual({ phase: 3, startImages: 4000, fadeImages: 400 });
    expect(further.totalImages).toBe(9200);
  });

  test("a phase shorter than its fade is faded in when it ends", () => {
    const schedule = scheduleFromFile(parse({ entries: [entry(0, 0), entry(100, 1)] }), 1, 800);
    expect(schedule.phases[0]).toEqual({ phase: 0, startImages: 0, fadeImages: 100 });
    expect(schedule.phases[1]).toEqual({ phase: 1, startImages: 100, fadeImages: 400 });
  });

  test("that begins above the last phase is refused", () => {
    expect(() => scheduleFromFile(parse({ entries: [entry(0, 4)] }), 2, 800)).toThrow(
      new ConfigError(
        "--schedule begins with phase 4, above the last of this --resolution, 2: give a larger --resolution",
      ),
    );
  });
});

describe("one line for each mistake", () => {
  test.each([
    [[], 'the file: expected an object such as {"entries": [{"images": 0, "phase": 0}]}, got []'],
    [{}, "entries: expected a list of entries, got nothing"],
    [{ entries: [] }, "entries: expected at least one entry, got []"],
    [{ entries: [7] }, 'entries[0]: expected an object such as {"images": 0, "phase": 0}, got 7'],
    [{ entries: [{ phase: 0 }] }, "entries[0].images: expected a whole number from 0, got nothing"],
    [{ entries: [entry(0.5, 0)] }, "entries[0].images: expected a whole number from 0, got 0.5"],
    [{ entries: [entry(0, 9)] }, "entries[0].phase: expected a whole number from 0 to 8, got 9"],
    [
      { entries: [entry(0, 0, { learningRate: -1 })] },
      "entries[0].learningRate: expected a number above 0, at most 1, got -1",
    ],
    [
      { entries: [entry(0, 0, { learningRate: "fast" })] },
      'entries[0].learningRate: expected a number above 0, at most 1, or {"encoder": 0.001, "generator": 0.001}, got "fast"',
    ],
    [{ entries: [entry(0, 0, { margin: -0.1 })] }, "entries[0].margin: expected a number from 0, got -0.1"],
    [
      { entries: [entry(0, 0, { lr: 0.1 })] },
      'entries[0] has the unknown key "lr"; it knows images, phase, learningRate, margin',
    ],
    [
      { entries: [entry(0, 0)], total: 3 },
      'the file has the unknown key "total"; it knows entries, totalImages, fadeImages',
    ],
    [{ entries: [entry(5, 0)] }, "entries[0].images: expected 0 in the first entry, got 5"],
    [
      { entries: [entry(0, 0), entry(100, 1), entry(100, 1)] },
      "entries[2].images: expected more than the 100 of the entry before, got 100",
    ],
    [{ entries: [entry(0, 0), entry(100, 2)] }, "entries[1].phase: expected 0 or 1, for phases rise one by one, got 2"],
    [
      { entries: [entry(0, 0), entry(100, 1)], totalImages: 100 },
      "totalImages: expected more than the 100 of the last entry, got 100",
    ],
    [
      { entries: [entry(0, 0), entry(100, 0), entry(50, 3)] },
      "entries[2].images: expected more than the 100 of the entry before, got 50 (and 1 more to mend)",
    ],
  ])("%j", (value, message) => {
    expect(() => parse(value)).toThrow(new ConfigError(`mine.json: ${message}`));
  });

  test("what is not JSON", () => {
    expect(() => parseScheduleFile("{entries", "mine.json")).toThrow(/^mine\.json: not JSON \(.*\); mend it$/s);
  });
});

test("skipping phases: the images at which a run begins", () => {
  // (max phase + 1/2) phase lengths without progression.
  expect(startFadedIn(growthSchedule(5, 2_400_000))).toBe(13_200_000);
  expect(startOfPhase(growthSchedule(5, 2_400_000), 3)).toBe(7_200_000);
  expect(startOfPhase(growthSchedule(5, 2_400_000), 6)).toBeUndefined();
});

test("a forced alpha holds at every image count, and phases stay where they are", () => {
  const schedule = { ...growthSchedule(2, 100), forcedAlpha: 0.25 };
  for (const images of [0, 60, 130, 399]) expect(positionAt(schedule, images).alpha).toBe(0.25);
  expect(positionAt(schedule, 130).phase).toBe(1);
});
