import { conv2d, grad, RandomGenerator, randn, recordOperators, scope } from "pioneer-torch";
import { expect, test } from "vitest";
import { limitSeconds, productsOf, timeProducts } from "../src/limit.ts";
import { groupBy, totalsOf } from "../src/profile.ts";

const random = new RandomGenerator(0);

/** Two equal convolutions of which the first has no input gradient, and a product of matrices. */
const record = () =>
  scope(() => {
    const x = randn([2, 8, 8, 8], random).contiguous("channelsLast");
    const w = randn([8, 8, 3, 3], random).requiresGrad_();
    const m = randn([4, 5], random);
    return recordOperators(() => {
      m.matmul(m.transpose(0, 1));
      return grad(
        conv2d(conv2d(x, w, null, 1), w, null, 1)
          .square()
          .sum(),
        [w],
      );
    }).calls;
  });

test("products are counted by shape; a backward pass falls into the halves that were asked for", () => {
  const products = productsOf(record());
  const counts = new Map(
    [...groupBy(products, ({ name }) => name)].map(([name, of]) => [name, of.map((p) => p.count)]),
  );
  expect(counts).toEqual(
    new Map([
      ["aten::mm", [1]],
      ["aten::convolution", [2]],
      // The second has both halves, the first only the one to its weights.
      ["aten::convolution_backward to data", [1]],
      ["aten::convolution_backward to weights", [2]],
    ]),
  );
});

test("each product is timed alone, in the layout it had", () => {
  const timed = timeProducts(productsOf(record()));
  expect(timed.map(({ tensors }) => tensors)).toEqual([
    ["float32[4,5] row-major", "float32[5,4] transposed"],
    ["float32[2,8,8,8] channels last", "float32[8,8,3,3] row-major"],
    expect.anything(),
    expect.anything(),
  ]);
  for (const { milliseconds } of timed) expect(milliseconds).toBeGreaterThan(0);
  const sum = timed.reduce((total, { count, milliseconds }) => total + count * milliseconds, 0);
  expect(limitSeconds(timed)).toBeCloseTo(sum / 1000, 12);
});

test("totals by operator are sorted and their shares add up", () => {
  const totals = totalsOf(record());
  expect(totals.find(({ name }) => name === "aten::convolution")?.count).toBe(2);
  expect(totals.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
  const times = totals.map(({ milliseconds }) => milliseconds);
  expect(times).toEqual([...times].sort((a, b) => b - a));
});
