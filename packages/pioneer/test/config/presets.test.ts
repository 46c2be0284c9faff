import { describe, expect, test } from "vitest";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { presetNames, presetOptions } from "../../src/config/presets.ts";
import { balanced, recipeOf } from "../../src/config/recipe.ts";
import { positionAt, settingsAt } from "../../src/config/schedule.ts";
import { phaseOf } from "../../src/networks/index.ts";
import { plannedSchedule } from "../../src/train/opening.ts";
import { learningRatesAt, marginAt } from "../../src/train/settings.ts";

const data = "faces.pack";
const resolved = (name: (typeof presetNames)[number], given: Record<string, unknown> = {}) =>
  resolveTrainConfig(presetOptions(name, { data, ...given }));
const scheduleOf = (config: ReturnType<typeof resolved>) =>
  plannedSchedule(config, phaseOf(config.resolution as number) as number, undefined);

describe("the paper's", () => {
  test.each([
    ["celeba", { resolution: 128, crop: "celeba", kimgPerPhase: 2400, mirror: true }, 16.8e6],
    ["celeba-hq", { resolution: 256, kimgPerPhase: 4800, mirror: true }, 38.4e6],
    ["lsun", { resolution: 128, crop: "center", kimgPerPhase: 2400, mirror: true }, 16.8e6],
    ["cifar10", { resolution: 32, kimgPerPhase: 2400, mirror: false }, 12e6],
  ] as const)("%s", (name, expected, totalImages) => {
    for (const recipe of ["accv2018", "gan"] as const) {
      const config = resolved(name, { recipe });
      expect(config).toMatchObject(expected);
      expect(config.schedule).toBeUndefined();
      expect(scheduleOf(config).totalImages).toBe(totalImages);
    }
  });

  test("balanced on CelebA-HQ: margins and rates of its schedule, 30 million images", () => {
    const config = resolved("celeba-hq", { recipe: "balanced" });
    expect(config).toMatchObject({ resolution: 256, kimgPerPhase: 2400 });
    const schedule = scheduleOf(config);
    expect(schedule.totalImages).toBe(30e6);
    const at = (images: number) => {
      const { phase, alpha } = positionAt(schedule, images);
      const { encoder, generator } = learningRatesAt(config, recipeOf(config), schedule, images);
      expect(generator).toBe(encoder);
      return [phase, alpha, encoder, marginAt(config, schedule, images, balanced)];
    };
    expect(at(0)).toEqual([0, 0, 0.001, 0]);
    expect(at(2.4e6)).toEqual([1, 0, 0.0005, 0.05]);
    expect(at(9.599e6)).toEqual([3, 1, 0.0005, 0.05]);
    expect(at(9.6e6)).toEqual([4, 0, 0.001, 0]);
    // The margin changes inside 64x64; the fade went by its first entry.
    expect(at(13e6)).toEqual([4, 1, 0.001, 0.02]);
    expect(at(16.52e6 + 0.6e6)).toEqual([5, 0.5, 0.001, 0.02]);
    expect(at(20.04e6 + 1.2e6)).toEqual([6, 1, 0.001, 0.04]);
  });

  test("balanced on LSUN", () => {
    const config = resolved("lsun", { recipe: "balanced" });
    const schedule = scheduleOf(config);
    expect(config.resolution).toBe(256);
    const at = (images: number) => [positionAt(schedule, images).phase, settingsAt(schedule, images)?.margin];
    expect([12.359e6, 12.36e6, 15.4e6, 21.4e6].map(at)).toEqual([
      [4, 0],
      [4, 0.06],
      [5, 0.06],
      [6, 0.04],
    ]);
    expect(schedule.totalImages).toBe(26.2e6);
  });

  test("balanced elsewhere: a phase every 2.4 million, no margin", () => {
    for (const name of ["celeba", "cifar10"] as const) {
      const config = resolved(name, { recipe: "balanced" });
      expect([config.schedule, config.kimgPerPhase]).toEqual([undefined, 2400]);
    }
  });
});

describe("what the user gives wins", () => {
  test("each option that a preset sets", () => {
    const given = { crop: "none", resolution: 64, kimgPerPhase: 10, mirror: true } as const;
    for (const name of presetNames) expect(resolved(name, given)).toMatchObject(given);
  });

  test("a length of phases takes the place of the published schedule", () => {
    const config = resolved("celeba-hq", { recipe: "balanced", kimgPerPhase: 10 });
    expect(config.schedule).toBeUndefined();
    expect(scheduleOf(config).totalImages).toBe(80_000);
  });

  test("a learning rate and a margin hold all the time", () => {
    const config = resolved("celeba-hq", { recipe: "balanced", lr: 0.002, margin: 0.1 });
    const schedule = scheduleOf(config);
    for (const images of [0, 5e6, 14e6, 25e6]) {
      expect(learningRatesAt(config, recipeOf(config), schedule, images)).toEqual({ encoder: 0.002, generator: 0.002 });
      expect(marginAt(config, schedule, images, balanced)).toBe(0.1);
    }
  });

  test("a smaller resolution cuts the schedule", () => {
    const schedule = scheduleOf(resolved("celeba-hq", { recipe: "balanced", resolution: 64 }));
    expect(schedule.phases.at(-1)?.phase).toBe(4);
    expect(schedule.totalImages).toBe(13e6 + 4.8e6);
  });
});
