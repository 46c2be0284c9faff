import { expect, test } from "vitest";
import { Adam, type AdamOptions, memory, scope, type Tensor } from "../src/index.ts";
import { expectClose, f64, values } from "./support/close.ts";
import { normal } from "./support/differences.ts";

/** Adam on one number, as written in the paper (epsilon outside the bias correction of the root). */
class ScalarAdam {
  private m = 0;
  private v = 0;
  private t = 0;
  private readonly options: AdamOptions;
  value: number;
  constructor(options: AdamOptions, value: number) {
    this.options = options;
    this.value = value;
  }
  step(gradient: number): void {
    const { learningRate, beta1, beta2, epsilon } = this.options;
    this.t++;
    this.m = beta1 * this.m + (1 - beta1) * gradient;
    this.v = beta2 * this.v + (1 - beta2) * gradient * gradient;
    const m = this.m / (1 - beta1 ** this.t);
    const v = this.v / (1 - beta2 ** this.t);
    this.value -= (learningRate * m) / (Math.sqrt(v) + epsilon);
  }
}

// The large epsilon makes its place visible: inside the root, or before the correction, other numbers come out.
const settings: AdamOptions[] = [
  { learningRate: 0.001, beta1: 0, beta2: 0.99, epsilon: 1e-8 },
  { learningRate: 0.1, beta1: 0, beta2: 0.9, epsilon: 0.5 },
  { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 0.5 },
];

test.each(settings)("ten steps equal Adam on single numbers: %o", (options) => {
  const adam = new Adam(options);
  const a = normal(1, [2, 3]).requiresGrad_();
  const b = normal(2, [4]).requiresGrad_();
  const scalars = [values(a), values(b)].map((list) => list.map((value) => new ScalarAdam(options, value)));
  for (let step = 0; step < 10; step++) {
    // The second parameter joins at step 4: its bias correction starts from there.
    const names = step < 4 ? ["a"] : ["a", "b"];
    const parameters = new Map<string, Tensor>(names.map((name) => [name, name === "a" ? a : b]));
    const gradients = names.map((_, i) => normal(100 + 10 * step + i, i === 0 ? [2, 3] : [4]));
    adam.step(parameters, gradients);
    gradients.forEach((gradient, i) => {
      for (const [at, value] of values(gradient).entries()) scalars[i]?.[at]?.step(value);
    });
  }
  // Ten steps of a dozen roundings each on numbers below 4.
  [a, b].forEach((parameter, i) => {
    const expected = scalars[i]?.map(({ value }) => value) ?? [];
    expectClose(parameter, expected, 10 * 12 * 4 * 2 ** -53);
  });
  expect([adam.state.get("a")?.step, adam.state.get("b")?.step]).toEqual([10, 6]);
  expect(adam.state.get("a")?.firstMoment === undefined).toBe(options.beta1 === 0);
  expect(a.requiresGrad).toBe(true);
});

test("a refused step changes nothing", () => {
  const adam = new Adam({ learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-8 });
  const parameters = new Map([
    ["first", f64([1, 2])],
    ["second", f64([3])],
  ]);
  adam.step(parameters, [f64([1, 1]), f64([1])]);
  const before = [...parameters.values()].map(values);
  expect(() => adam.step(parameters, [f64([1, 1])])).toThrow("Adam: 2 parameters, but 1 gradients");
  expect(() => adam.step(parameters, [f64([1, 1]), f64([1, 2])])).toThrow(
    "Adam: second has shape [1], its gradient [2]",
  );
  expect([...parameters.values()].map(values)).toEqual(before);
  expect(adam.state.get("first")?.step).toBe(1);
  adam.step(new Map(), []);
});

test("state survives scopes and is freed by dispose", () => {
  const adam = new Adam({ learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-8 });
  const weight = f64([1, 2]);
  const before = memory().tensors;
  for (let i = 0; i < 5; i++) scope(() => adam.step(new Map([["weight", weight]]), [f64([1, 1])]));
  expect(memory().tensors).toBe(before + 2);
  adam.dispose();
  expect(memory().tensors).toBe(before);
});
