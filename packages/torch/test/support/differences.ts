import { grad, noGrad, RandomGenerator, randn, scope, type Tensor } from "../../src/index.ts";
import { expectClose, values } from "./close.ts";

/** Standard normal float64 numbers that are the same in every run. */
export const normal = (seed: number, shape: readonly number[]): Tensor =>
  randn(shape, new RandomGenerator(seed), "float64");

/**
 * Compares the gradients of `f` with central differences, for every element of every input.
 * @param f       any shape; its elements are summed with fixed random weights, so that none hides another
 * @param inputs  float64
 */
export function expectGradients(f: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): void {
  const weightOf = (y: Tensor) => normal(99, y.shape);
  const total = () =>
    scope(() => {
      const y = f(...inputs);
      return y.mul(weightOf(y)).sum().item();
    });
  for (const input of inputs) input.requiresGrad_();
  const y = f(...inputs);
  const gradients = grad(y.mul(weightOf(y)).sum(), inputs);

  // Rounding: some 10 roundings of f's size over 2h, 2.2e-16 * 10 * |f| / 1e-5 = 2.2e-10 |f|; truncation: h^2 / 6 times
  // the third derivative, 4e-12 of it. 1e-8 leaves room for third derivatives up to 1000.
  const atol = 1e-8 * Math.max(1, Math.abs(total()));
  inputs.forEach((input, i) => {
    const elements = input.detach().view() as Float64Array;
    const expected = values(input).map((x, at) => {
      const h = 5e-6 * Math.max(1, Math.abs(x));
      // Inside f autograd may be needed (gradient of a gradient), so recording stays on here.
      elements[at] = x + h;
      const above = total();
      elements[at] = x - h;
      const below = total();
      elements[at] = x;
      return (above - below) / (2 * h);
    });
    expectClose(gradients[i] as Tensor, expected, atol);
  });
  noGrad(() => {
    for (const input of inputs) input.requiresGrad_(false);
  });
}
