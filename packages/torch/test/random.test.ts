import { expect, test } from "vitest";
import { memory, RandomGenerator, rand, randn, TorchError } from "../src/index.ts";
import { values } from "./support/close.ts";

test("one seed, one sequence; other seeds and other generators do not touch it", () => {
  const first = new RandomGenerator(7);
  const a = values(randn([50], first));
  const twin = new RandomGenerator(7);
  values(randn([50], new RandomGenerator(8)));
  expect(values(randn([50], twin))).toEqual(a);
  expect(values(randn([50], new RandomGenerator(8)))).not.toEqual(a);
  expect(values(randn([50], first))).not.toEqual(a);
});

test("normal and uniform numbers have their moments", () => {
  const count = 100_000;
  const generator = new RandomGenerator(3);
  const normal = randn([count], generator);
  // 5 standard errors: of the mean 1/sqrt(n), of the second moment sqrt(2/n).
  expect(Math.abs(normal.mean().item())).toBeLessThan(5 / Math.sqrt(count));
  expect(Math.abs(normal.square().mean().item() - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
  const uniform = rand([count], generator, -2, 4);
  expect(uniform.min().item()).toBeGreaterThanOrEqual(-2);
  expect(uniform.max().item()).toBeLessThan(4);
  expect(Math.abs(uniform.mean().item() - 1)).toBeLessThan((5 * 6) / Math.sqrt(12 * count));
});

test("drawing makes one tensor", () => {
  const generator = new RandomGenerator(4);
  const before = memory().tensors;
  const drawn = [randn([2], generator, "float64"), rand([2], generator)];
  expect(memory().tensors).toBe(before + 2);
  expect(drawn.map(({ dtype }) => dtype)).toEqual(["float64", "float32"]);
});

test("bad seeds and devices are refused", () => {
  for (const seed of [-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
    expect(() => new RandomGenerator(seed)).toThrow(TorchError);
  }
  new RandomGenerator(2 ** 53 - 1);
  expect(() => new RandomGenerator(1, "cuda:99")).toThrow(TorchError);
});
