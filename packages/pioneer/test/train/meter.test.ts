import { expect, test } from "vitest";
import { DivergedError } from "../../src/errors.ts";
import { checkFinite, Meter } from "../../src/train/meter.ts";

const losses = { klReal: 2, klFake: 3, klGenerated: 4, xRecon: 0.5, zRecon: 1.9, encoder: 0.4, generator: 190 };

test("finite losses pass", () => {
  expect(() => checkFinite(losses, 7, 56, "r/checkpoint-00000000", "r")).not.toThrow();
});

test.each([
  ["klFake", Number.POSITIVE_INFINITY],
  ["xRecon", Number.NaN],
  ["generator", Number.NEGATIVE_INFINITY],
] as const)("%s of %f stops the run, naming step, loss and checkpoint", (name, value) => {
  const check = () => checkFinite({ ...losses, [name]: value }, 7, 56, "r/checkpoint-00000000", "r");
  expect(check).toThrow(DivergedError);
  expect(check).toThrow(
    `training diverged: ${name} is ${value} in step 7 (56 images). The last good checkpoint is r/checkpoint-00000000, nothing was overwritten: ` +
      "go on with `pioneer train --run r --resume --precision fp32`, or start a new run with a lower --lr",
  );
});

test("the meter gives the means since the last tick and begins anew", () => {
  const meter = new Meter();
  meter.add(losses, 8);
  meter.add({ ...losses, klReal: 4, generator: 200 }, 8);
  expect(meter.steps).toBe(2);
  expect(meter.take(0).losses).toEqual({ ...losses, klReal: 3, generator: 195 });
  expect(meter.steps).toBe(0);
  meter.add({ ...losses, klReal: 10 }, 8);
  expect(meter.take(0).losses.klReal).toBe(10);
});
