// What the papers used for each data set (docs/recipes.md, Presets); whatever the user gives wins.
import type { ScheduleFile } from "./schedule-file.ts";

export const presetNames = ["celeba", "celeba-hq", "lsun", "cifar10"] as const;
export type PresetName = (typeof presetNames)[number];

/** The published schedules of Balanced PIONEER; a phase every 2.4 million images up to where they begin to differ. */
const balancedSchedules: Partial<Record<PresetName, ScheduleFile>> = {
  "celeba-hq": {
    entries: [
      { images: 0, phase: 0, learningRate: 0.001, margin: 0 },
      { images: 2_400_000, phase: 1, learningRate: 0.0005, margin: 0.05 },
      { images: 4_800_000, phase: 2, learningRate: 0.0005, margin: 0.05 },
      { images: 7_200_000, phase: 3, learningRate: 0.0005, margin: 0.05 },
      { images: 9_600_000, phase: 4, learningRate: 0.001, margin: 0 },
      { images: 13_000_000, phase: 4, learningRate: 0.001, margin: 0.02 },
      { images: 16_520_000, phase: 5, learningRate: 0.001, margin: 0.02 },
      { images: 20_040_000, phase: 6, learningRate: 0.001, margin: 0.04 },
    ],
    totalImages: 30_000_000,
    fadeImages: 1_200_000,
  },
  lsun: {
    entries: [
      { images: 0, phase: 0, learningRate: 0.001, margin: 0 },
      { images: 2_400_000, phase: 1, learningRate: 0.001, margin: 0 },
      { images: 4_800_000, phase: 2, learningRate: 0.001, margin: 0 },
      { images: 7_200_000, phase: 3, learningRate: 0.001, margin: 0 },
      { images: 9_600_000, phase: 4, learningRate: 0.001, margin: 0 },
      { images: 12_360_000, phase: 4, learningRate: 0.001, margin: 0.06 },
      { images: 15_400_000, phase: 5, learningRate: 0.001, margin: 0.06 },
      { images: 21_400_000, phase: 6, learningRate: 0.001, margin: 0.04 },
    ],
    fadeImages: 1_200_000,
  },
};

const presets = {
  celeba: { crop: "celeba", resolution: 128, kimgPerPhase: 2400 },
  "celeba-hq": { resolution: 256, kimgPerPhase: 4800 },
  lsun: { crop: "center", resolution: 128, kimgPerPhase: 2400 },
  cifar10: { resolution: 32, kimgPerPhase: 2400, mirror: false },
} as const satisfies Record<PresetName, object>;

/**
 * Options of a data set with a recipe, by the names of the configuration.
 * @param given what the user gave: it decides the recipe, and wins; a length, a rate or a schedule of the user's own
 *   takes the place of the published schedule's
 */
export function presetOptions(name: PresetName, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const preset: Record<string, unknown> = { ...presets[name] };
  const schedule = given.recipe === "balanced" ? balancedSchedules[name] : undefined;
  if (given.recipe === "balanced") preset.kimgPerPhase = 2400;
  if (schedule && given.kimgPerPhase === undefined && given.minutes === undefined) {
    preset.schedule = given.lr === undefined ? schedule : withoutRates(schedule);
    preset.resolution = 4 * 2 ** (schedule.entries.at(-1)?.phase ?? 0);
  }
  return { ...preset, ...given };
}

const withoutRates = (schedule: ScheduleFile): ScheduleFile => ({
  ...schedule,
  entries: schedule.entries.map(({ images, phase, margin }) => ({ images, phase, margin })),
});
