import { expect } from "vitest";
import { scope, type Tensor, tensor } from "../../src/index.ts";

/** A float64 tensor on the CPU. */
export const f64 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Float64Array.from(values), shape);

/** The elements as plain numbers, row-major. */
export const values = (t: Tensor): number[] => Array.from(t.toTypedArray() as ArrayLike<number>, Number);

/** |got - expected| / |expected|, both as vectors. */
export const apart = (got: Tensor, expected: Tensor): number =>
  scope(() => got.to("float64").sub(expected).norm().item() / expected.norm().item());

/** Fails with the worst element: index, got, expected, allowed. */
export function expectClose(got: Tensor, expected: readonly number[], atol: number): void {
  const elements = values(got);
  expect(elements.length, "number of elements").toBe(expected.length);
  let worst = 0;
  const distance = (i: number) => {
    const difference = Math.abs((elements[i] as number) - (expected[i] as number));
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  };
  for (let i = 1; i < elements.length; i++) if (distance(i) > distance(worst)) worst = i;
  if (elements.length > 0 && !(distance(worst) <= atol)) {
    expect.fail(`element ${worst}: got ${elements[worst]}, expected ${expected[worst]}, allowed ${atol}`);
  }
}
