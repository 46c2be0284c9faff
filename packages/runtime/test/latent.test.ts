import { describe, expect, test } from "vitest";
import { latentGrid, latentRow, latentStrip, sampleLatents, slerp } from "../src/index.ts";

const unit = (...values: number[]) => Float32Array.from(values);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
const angle = (a: Float32Array, b: Float32Array) => Math.acos(Math.min(1, Math.max(-1, dot(a, b))));

/** Coordinates as float32 keeps them: within one rounding, 2^-24, of the closed form, and 1e-7 for the sums before it. */
function expectClose(got: Float32Array, expected: readonly number[]): void {
  expect(got.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs((got[i] ?? Number.NaN) - value), `coordinate ${i}: got ${got[i]}, expected ${value}`).toBeLessThan(
      2e-7,
    );
  }
}

describe("sampleLatents", () => {
  test("rows have length 1, are the same for the same seed, and do not depend on the count", () => {
    const latents = sampleLatents(50, 33, 5);
    for (let i = 0; i < 50; i++) {
      const row = latentRow(latents, 33, i);
      expect(Math.abs(dot(row, row) - 1)).toBeLessThan(1e-6);
    }
    expect(sampleLatents(10, 33, 5)).toEqual(latents.subarray(0, 10 * 33));
    expect(sampleLatents(10, 33, 6)).not.toEqual(latents.subarray(0, 10 * 33));
  });

  test("they are uniform: mean 0, and on the circle every quarter holds a quarter", () => {
    const count = 20_000;
    const latents = sampleLatents(count, 2, 3);
    const quarters = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const [x = 0, y = 0] = latentRow(latents, 2, i);
      const quarter = Math.floor(((Math.atan2(y, x) / (2 * Math.PI) + 1) % 1) * 4);
      quarters[quarter] = (quarters[quarter] ?? 0) + 1;
    }
    // 5 standard deviations of a binomial count with p = 1/4.
    for (const quarter of quarters) expect(Math.abs(quarter - count / 4)).toBeLessThan(5 * Math.sqrt((count * 3) / 16));
  });

  test("no rows are an empty array; dim 1 has no sphere to sample", () => {
    expect(sampleLatents(0, 512, 0).length).toBe(0);
    expect(() => sampleLatents(1, 1, 0)).toThrow("expected dim ≥ 2, got 1");
  });
});

describe("slerp", () => {
  test("a right angle in equal parts, beyond the ends too", () => {
    const [a, b] = [unit(1, 0, 0), unit(0, 1, 0)];
    expectClose(slerp(a, b, 0), [1, 0, 0]);
    expectClose(slerp(a, b, 1 / 3), [Math.cos(Math.PI / 6), 0.5, 0]);
    expectClose(slerp(a, b, 1), [0, 1, 0]);
    expectClose(slerp(a, b, 2), [-1, 0, 0]);
  });

  test("is the formula of the paper", () => {
    const [a, b] = [sampleLatents(1, 512, 1), sampleLatents(1, 512, 2)];
    const w = angle(a, b);
    for (const t of [0, 0.25, 0.7, 1]) {
      const expected = [...a].map(
        (value, i) => (Math.sin((1 - t) * w) * value + Math.sin(t * w) * (b[i] ?? 0)) / Math.sin(w),
      );
      expectClose(slerp(a, b, t), expected);
    }
  });

  test("lengths do not matter", () => {
    expectClose(slerp(unit(3, 0), unit(0, 0.1), 0.5), [Math.SQRT1_2, Math.SQRT1_2]);
  });

  test("equal and nearly equal latents stay where they are, on the sphere", () => {
    const a = sampleLatents(1, 512, 1);
    const near = a.map((value, i) => (i === 0 ? value + 1e-8 : value));
    for (const b of [a, near]) expectClose(slerp(a, b, 0.5), [...a]);
  });

  test("opposite latents go half a circle at even speed, on the sphere", () => {
    const a = sampleLatents(1, 16, 1);
    const b = a.map((value) => -value);
    for (const t of [0, 0.25, 0.5, 0.75, 1]) {
      const z = slerp(a, b, t);
      expect(Math.abs(dot(z, z) - 1)).toBeLessThan(1e-6);
      expect(Math.abs(dot(a, z) - Math.cos(t * Math.PI))).toBeLessThan(1e-6);
    }
  });

  test("close to opposite, the end is still the end", () => {
    const w = Math.PI - 1e-4;
    const b = unit(Math.cos(w), Math.sin(w));
    expectClose(slerp(unit(1, 0), b, 1), [...b]);
    expectClose(slerp(unit(1, 0), b, 0.5), [Math.cos(w / 2), Math.sin(w / 2)]);
  });

  test("different sizes and vectors without a direction are refused", () => {
    expect(() => slerp(unit(1, 0), unit(1, 0, 0), 0.5)).toThrow("latents of 2 and 3 coordinates do not mix");
    expect(() => slerp(unit(0, 0), unit(1, 0), 0.5)).toThrow("a vector of length 0 has no direction");
    expect(() => slerp(unit(Number.NaN, 0), unit(1, 0), 0.5)).toThrow("a vector of length NaN has no direction");
  });
});

describe("strips and grids", () => {
  test("a strip has both ends and equal angles", () => {
    const [a, b] = [sampleLatents(1, 64, 1), sampleLatents(1, 64, 2)];
    const strip = latentStrip(a, b, 8);
    expectClose(latentRow(strip, 64, 0), [...a]);
    expectClose(latentRow(strip, 64, 7), [...b]);
    for (let i = 0; i < 7; i++) {
      const step = angle(latentRow(strip, 64, i), latentRow(strip, 64, i + 1));
      expect(Math.abs(step - angle(a, b) / 7)).toBeLessThan(1e-5);
    }
  });

  test("a grid has its corners in place, first along the edges, then across", () => {
    const corners = [1, 2, 3, 4].map((seed) => sampleLatents(1, 32, seed)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [topLeft, topRight, bottomLeft, bottomRight] = corners;
    const grid = latentGrid(corners, 8);
    const cell = (row: number, column: number) => latentRow(grid, 32, row * 8 + column);
    expectClose(cell(0, 0), [...topLeft]);
    expectClose(cell(0, 7), [...topRight]);
    expectClose(cell(7, 0), [...bottomLeft]);
    expectClose(cell(7, 7), [...bottomRight]);
    expectClose(cell(3, 0), [...slerp(topLeft, bottomLeft, 3 / 7)]);
    expectClose(cell(3, 5), [...slerp(cell(3, 0), cell(3, 7), 5 / 7)]);
  });

  test("one step has no way to go", () => {
    expect(() => latentStrip(unit(1, 0), unit(0, 1), 1)).toThrow("latentStrip: expected at least 2 steps, got 1");
  });
});
