import { expect, test } from "vitest";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { accv2018, cycle, recipeOf } from "../../src/config/recipe.ts";
import { growthSchedule } from "../../src/config/schedule.ts";
import { learningRatesAt } from "../../src/train/settings.ts";

const schedule = growthSchedule(2, 2500); // 10,000 images
const rateAt = (share: number, lrDecay: number) =>
  learningRatesAt({ lr: 0.002 }, { lrDecay }, schedule, share * schedule.totalImages).generator;

test("falls on a straight line to a tenth over the last share of the run, for both networks", () => {
  expect(rateAt(0, 0.2)).toBe(0.002);
  expect(rateAt(0.79, 0.2)).toBe(0.002);
  expect(rateAt(0.9, 0.2)).toBeCloseTo(0.0011, 12);
  expect(rateAt(1, 0.2)).toBeCloseTo(0.0002, 12);
  // A run that went further than planned keeps the last one.
  expect(rateAt(1.1, 0.2)).toBeCloseTo(0.0002, 12);
  const { encoder, generator } = learningRatesAt({ lr: 0.002 }, { lrDecay: 0.2 }, schedule, 9500);
  expect(encoder).toBe(generator);
});

test("stays where nothing is to fall", () => {
  expect([0, 0.5, 1].map((share) => rateAt(share, 0))).toEqual([0.002, 0.002, 0.002]);
});

test("a schedule's own rates stay as they are", () => {
  const own = { encoder: 0.01, generator: 0.02 };
  const settings = [{ startImages: 0, learningRates: own }];
  expect(learningRatesAt({ lr: 0.002 }, { lrDecay: 0.5 }, { ...schedule, settings }, 10_000)).toEqual(own);
});

test("what the recipe says of Adam and of the end of a run can be said otherwise", () => {
  const of = (given: object) => recipeOf(resolveTrainConfig({ data: "faces.pack", recipe: "cycle", ...given }));
  expect(of({})).toEqual(cycle);
  expect(of({ lrDecay: 0, adamBeta1: 0 })).toEqual({ ...cycle, lrDecay: 0, adam: { ...cycle.adam, beta1: 0 } });
  // The paper's is exact: neither a first moment nor a fall.
  expect(recipeOf(resolveTrainConfig({ data: "faces.pack" }))).toEqual(accv2018);
  expect(accv2018).toMatchObject({ lrDecay: 0, adam: { beta1: 0 } });
});
