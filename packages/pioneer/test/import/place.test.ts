import { expect, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { presetOptions } from "../../src/config/presets.ts";
import { positionAt } from "../../src/config/schedule.ts";
import type { ScheduleFile } from "../../src/config/schedule-file.ts";
import { scheduleOfImport } from "../../src/import/place.ts";

// Images, phase and alpha as the authors' program saves them; it sets alpha before a step of some images is counted.
test.each([
  ["the beginning", { images: 0, phase: 0, alpha: 0 }, {}, 2400],
  ["fading at 8x8", { images: 2_700_000, phase: 1, alpha: 0.25 }, {}, 2400],
  ["one batch late", { images: 2_700_128, phase: 1, alpha: 0.25 }, {}, 2400],
  ["faded in at 128x128, trained for long", { images: 36_200_000, phase: 5, alpha: 1 }, {}, 2400],
  ["CelebA-HQ's longer phases", { images: 30_000_000, phase: 6, alpha: 0.5 }, {}, 4800],
  ["phases of another length", { images: 230_000, phase: 3, alpha: 1 }, { kimgPerPhase: 65 }, 65],
])("%s is a place in a regular schedule", (_, place, given, kimgPerPhase) => {
  const found = scheduleOfImport(place, place.phase, given);
  expect(found).toMatchObject({ kimgPerPhase, isRegular: true });
  expect(found.schedule.phases[place.phase]?.startImages).toBe(place.phase * kimgPerPhase * 1000);
  const at = positionAt(found.schedule, place.images);
  expect(at.phase).toBe(place.phase);
  expect(Math.abs(at.alpha - place.alpha)).toBeLessThan(2e-4); // 128 of 1,200,000
});

test.each([
  ["grown by --step_offset, fading", { images: 26_580_000, phase: 5, alpha: 0.25 }],
  ["grown by --step_offset, alpha still 0", { images: 26_280_000, phase: 5, alpha: 0 }],
  ["faded in, with hardly any images", { images: 240_000, phase: 3, alpha: 1 }],
  ["the first phase, alpha ahead of its images", { images: 100, phase: 0, alpha: 0.5 }],
  ["no images at all", { images: 0, phase: 2, alpha: 1 }],
])("%s: it goes on in its phase at its alpha", (_, place) => {
  const { schedule, isRegular } = scheduleOfImport(place, place.phase + 1, {});
  expect(isRegular).toBe(false);
  const at = positionAt(schedule, place.images);
  expect(at).toMatchObject({ phase: place.phase });
  expect(at.alpha).toBeCloseTo(place.alpha, 6);
  const starts = schedule.phases.map(({ startImages }) => startImages);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(schedule.phases.map(({ phase }) => phase)).toEqual(Array.from({ length: place.phase + 2 }, (_, p) => p));
  // The next phase is ahead, and the last one has twice a phase's length.
  expect(starts.at(-1)).toBeGreaterThan(place.images);
  expect(schedule.totalImages - (starts.at(-1) ?? 0)).toBe(4_800_000);
});

test("alpha rises on as fast as it would have: half a phase from 0 to 1", () => {
  const { schedule } = scheduleOfImport({ images: 26_580_000, phase: 5, alpha: 0.25 }, 5, {});
  expect(positionAt(schedule, 26_580_000 + 600_000).alpha).toBeCloseTo(0.75, 6);
});

test("the published schedule of a preset, and what does not fit it", () => {
  const { schedule: file } = presetOptions("celeba-hq", { recipe: "balanced" }) as { schedule: ScheduleFile };
  const { schedule, isRegular } = scheduleOfImport({ images: 25_480_000, phase: 6, alpha: 1 }, 6, { schedule: file });
  expect(isRegular).toBe(true);
  expect(schedule.totalImages).toBe(30_000_000);
  const place = { images: 25_480_000, phase: 5, alpha: 1 };
  expect(() => scheduleOfImport(place, 6, { schedule: file })).toThrow(ConfigError);
});
