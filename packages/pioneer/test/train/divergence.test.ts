import { expect, test } from "vitest";
import { DivergedError } from "../../src/base/errors.ts";
import { checkFinite } from "../../src/train/divergence.ts";

const losses = { klReal: 2, klFake: 3, xRecon: 0.5, generator: 190 };

const where = {
  step: 7,
  images: 56,
  run: "r",
  lastGood: "r/checkpoint-00000000",
  precision: "bf16",
  learningRates: { encoder: 0.001, generator: 0.003 },
} as const;

test("finite losses pass", () => {
  expect(() => checkFinite(losses, where)).not.toThrow();
});

test.each([
  ["klFake", Number.POSITIVE_INFINITY],
  ["xRecon", Number.NaN],
  ["generator", Number.NEGATIVE_INFINITY],
] as const)("%s of %f stops the run, naming step, loss and checkpoint", (name, value) => {
  const check = (precision: "bf16" | "fp32" = "bf16") =>
    checkFinite({ ...losses, [name]: value }, { ...where, precision });
  expect(check).toThrow(DivergedError);
  expect(check).toThrow(
    `training diverged: ${name} is ${value} in step 7 (56 images). The last good checkpoint is r/checkpoint-00000000, nothing was overwritten: ` +
      "go on with `pioneer train --run r --resume --precision fp32`",
  );
  // In float32 already, the same again would end the same.
  expect(() => check("fp32")).toThrow("go on with `pioneer train --run r --resume --lr 0.0005`");
});
