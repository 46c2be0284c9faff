import { expect, test } from "vitest";
import { Rng, xoshiro128 } from "../src/rng.ts";

test("the generator is xoshiro128**: the outputs of the authors' C code for the state 1, 2, 3, 4", () => {
  const state = Uint32Array.of(1, 2, 3, 4);
  const first = Array.from({ length: 8 }, () => xoshiro128(state));
  expect(first).toEqual([11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849]);
  for (let i = 8; i < 1000; i++) xoshiro128(state);
  expect(xoshiro128(state)).toBe(136054147);
});

test("a seed fixes the sequence", () => {
  const rng = new Rng(7);
  const twin = new Rng(7);
  for (let i = 0; i < 100; i++) expect(rng.normal()).toBe(twin.normal());
});

test("seeds that differ by one, in sign or above 2^32 give different sequences", () => {
  const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  expect(new Set(seeds.map((seed) => new Rng(seed).uint32())).size).toBe(seeds.length);
});

test("numbers have the moments of their distributions", () => {
  const rng = new Rng(1);
  const count = 100_000;
  let uniform = 0;
  let mean = 0;
  let square = 0;
  let fourth = 0;
  const dice = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    uniform += rng.uniform() / count;
    const x = rng.normal();
    mean += x / count;
    square += x ** 2 / count;
    fourth += x ** 4 / count;
    const side = rng.integer(6);
    dice[side] = (dice[side] ?? 0) + 1;
  }
  // 5 standard errors each: sqrt(1/12), 1, sqrt(2) and sqrt(96) over sqrt(count); a die's side sqrt(count · 5/36).
  const error = 5 / Math.sqrt(count);
  expect(Math.abs(uniform - 0.5)).toBeLessThan(error * Math.sqrt(1 / 12));
  expect(Math.abs(mean)).toBeLessThan(error);
  expect(Math.abs(square - 1)).toBeLessThan(error * Math.SQRT2);
  expect(Math.abs(fourth - 3)).toBeLessThan(error * Math.sqrt(96));
  for (const side of dice) expect(Math.abs(side - count / 6)).toBeLessThan(5 * Math.sqrt((count * 5) / 36));
});

test("a seed that cannot be one is refused with its value", () => {
  expect(() => new Rng(0.5)).toThrow("seed: expected a whole number within ±2^53, got 0.5");
});
