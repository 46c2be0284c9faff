import { noGrad } from "pioneer-torch";
import { expect, test } from "vitest";
import { brokenParameter, updateEma } from "../../src/learner/learner.ts";
import { contents, tinyLearner, train } from "../support/tiny.ts";

test("the average begins as a copy of the generator", () => {
  const { generator, generatorEma } = tinyLearner();
  for (const [name, value] of generator.parameters) {
    expect(generatorEma.parameter(name).toFloat32Array(), name).toEqual(value.toFloat32Array());
  }
});

test("towards a generator that stands still, the average closes the gap by the decay each step, in all phases", () => {
  const { generator, generatorEma } = tinyLearner();
  const [decay, steps] = [0.9, 20];
  const target = noGrad(() => [...generator.parameters.values()].map((value) => value.fill_(3).toFloat32Array()));
  noGrad(() => {
    for (const value of generatorEma.parameters.values()) value.fill_(1);
  });
  for (let i = 0; i < steps; i++) updateEma(generatorEma, generator, decay);
  const expected = 3 + (1 - 3) * decay ** steps;
  for (const [name, value] of generatorEma.parameters) {
    // 20 roundings of 2^-24 of numbers up to 4, and that of 1 - decay.
    for (const number of value.toFloat32Array()) expect(Math.abs(number - expected), name).toBeLessThan(20 * 2.4e-7);
  }
  expect([...generator.parameters.values()].map((value) => value.toFloat32Array())).toEqual(target);
});

test("a training step moves the average once, by a thousandth of the way to the new generator", () => {
  const learner = tinyLearner();
  const before = contents(learner);
  train(learner, 1, { growth: { phase: 0, alpha: 1 } });
  const after = contents(learner);
  for (const name of learner.generator.parameters.keys()) {
    const average = before.get(`generatorEma.${name}`) as Float32Array;
    const moved = after.get(`generator.${name}`) as Float32Array;
    const got = after.get(`generatorEma.${name}`) as Float32Array;
    for (let i = 0; i < got.length; i++) {
      const expected = (average[i] as number) + 0.001 * ((moved[i] as number) - (average[i] as number));
      // One rounding of the sum, numbers up to 4; the product is a thousand times smaller.
      expect(Math.abs((got[i] as number) - expected), name).toBeLessThan(5e-7);
    }
  }
});

test("a weight that is not finite is named", () => {
  const learner = tinyLearner();
  expect(brokenParameter(learner)).toBeUndefined();
  const name = "from_rgb.8.bias";
  const numbers = learner.encoder.parameter(name).detach().view() as Float32Array;
  numbers[2] = Number.NaN;
  expect(brokenParameter(learner)).toBe(`encoder.${name}`);
  numbers[2] = Number.NEGATIVE_INFINITY;
  expect(brokenParameter(learner)).toBe(`encoder.${name}`);
});
