import { describe, expect, test } from "vitest";
import {
  hexagonRows,
  latentHexagon,
  latentLoop,
  latentRing,
  latentRow,
  latentStrip,
  loopLength,
  sampleLatents,
  slerp,
} from "../src/index.ts";

const dim = 24;
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
/** By the chord: exact for small angles too, where the arc cosine of a float32 is not. */
const angle = (a: Float32Array, b: Float32Array) =>
  2 * Math.asin(Math.hypot(...a.map((value, i) => value - (b[i] ?? Number.NaN))) / 2);
const rows = (latents: Float32Array) =>
  Array.from({ length: latents.length / dim }, (_, i) => latentRow(latents, dim, i));
/** From each row to the next, and from the last to the first. */
const angles = (all: Float32Array[]) => all.map((row, i) => angle(row, all[(i + 1) % all.length] as Float32Array));

/** Coordinates are float32, rounded once or twice. */
const expectClose = (got: Float32Array | undefined, expected: Float32Array | undefined) => {
  expect(got?.length).toBe(dim);
  for (let i = 0; i < dim; i++) expect(Math.abs((got?.[i] ?? 9) - (expected?.[i] ?? 99))).toBeLessThan(3e-7);
};

/** Rounded coordinates move a point by at most sqrt(dim) 2^-25 or so, an angle by twice that. */
const tolerance = 1e-6;

describe("latentRing", () => {
  const corners = [1, 2, 3].map((seed) => sampleLatents(1, dim, seed));

  test("of two: there and back, every angle the same, the closing one too", () => {
    const [a, b] = corners as [Float32Array, Float32Array];
    const ring = rows(latentRing([a, b], 10));
    expect(ring.length).toBe(20);
    expectClose(ring[0], a);
    expectClose(ring[10], b);
    for (let i = 1; i < 10; i++) expectClose(ring[i], ring[20 - i]);
    for (const step of angles(ring)) expect(Math.abs(step - angle(a, b) / 10)).toBeLessThan(tolerance);
  });

  test("of three: each latent in its turn, even steps between two of them", () => {
    const ring = rows(latentRing(corners, 4));
    for (const k of [0, 1, 2]) {
      expectClose(ring[4 * k], corners[k]);
      const whole = angle(corners[k] as Float32Array, corners[(k + 1) % 3] as Float32Array);
      for (const step of angles(ring).slice(4 * k, 4 * k + 4))
        expect(Math.abs(step - whole / 4)).toBeLessThan(tolerance);
    }
  });

  test("one latent is no way", () => {
    expect(() => latentRing(corners.slice(0, 1), 4)).toThrow(
      "expected 2 or more latents and 1 or more rows, got 1 and 4",
    );
  });
});

describe("latentLoop", () => {
  const [n, turns] = [60, 3];
  const loop = rows(latentLoop(n, dim, turns, 7));
  // The inner product of two rows h steps apart is the mean of cos(2π k h / n).
  const expected = (h: number) =>
    Math.acos([1, 2, 3].reduce((sum, k) => sum + Math.cos((2 * Math.PI * k * h) / n), 0) / turns);

  test("stays on the sphere, every step the same, the one from the last row to the first too", () => {
    for (const row of loop) expect(Math.abs(dot(row, row) - 1)).toBeLessThan(tolerance);
    for (const step of angles(loop)) expect(Math.abs(step - expected(1))).toBeLessThan(tolerance);
  });

  test("is smooth: two steps are nearly twice as long as one everywhere, across the end too", () => {
    for (let i = 0; i < n; i++) {
      const two = angle(loop[i] as Float32Array, loop[(i + 2) % n] as Float32Array);
      expect(Math.abs(two - expected(2))).toBeLessThan(tolerance);
      // Bending: 2 steps of a circle of the highest frequency would differ by less.
      expect(two).toBeGreaterThan(0.95 * 2 * expected(1));
    }
  });

  test("has the length that loopLength says, and never comes back before its end", () => {
    const many = rows(latentLoop(2000, dim, turns, 7));
    const length = angles(many).reduce((a, b) => a + b);
    expect(Math.abs(length / loopLength(turns) - 1)).toBeLessThan(1e-3);
    expect(Math.min(...loop.slice(5, -4).map((row) => angle(row, loop[0] as Float32Array)))).toBeGreaterThan(0.5);
    expect(loopLength(1)).toBeCloseTo(2 * Math.PI, 12);
  });

  test("is the same for the same seed, another for another", () => {
    expect(latentLoop(n, dim, turns, 7)).toEqual(latentLoop(n, dim, turns, 7));
    expect(latentLoop(n, dim, turns, 8)).not.toEqual(latentLoop(n, dim, turns, 7));
  });

  test("what does not fit is refused", () => {
    expect(() => latentLoop(1, dim, 2, 0)).toThrow("latentLoop: expected at least 2 rows, got 1");
    expect(() => latentLoop(10, 5, 3, 0)).toThrow("latentLoop: expected 1 to 2 turns in 5 dimensions, got 3");
  });
});

describe("latentHexagon", () => {
  const n = 5;
  const corners = [1, 2, 3, 4, 5, 6].map((seed) => sampleLatents(1, dim, seed)) as [Float32Array, ...Float32Array[]];
  const cells = rows(latentHexagon(corners, n));
  const starts = hexagonRows(n).map((_, row, lengths) => lengths.slice(0, row).reduce((a, b) => a + b, 0));
  const cell = (row: number, column: number) => cells[(starts[row] ?? 0) + column];

  test("rows of 5, 6 ... 9 ... 5 cells, the corners clockwise from the top left", () => {
    expect(hexagonRows(n)).toEqual([5, 6, 7, 8, 9, 8, 7, 6, 5]);
    expect(cells.length).toBe(61);
    const found = [cell(0, 0), cell(0, 4), cell(4, 8), cell(8, 4), cell(8, 0), cell(4, 0)];
    for (const [k, latent] of found.entries()) expectClose(latent, corners[k]);
    for (const row of cells) expect(Math.abs(dot(row, row) - 1)).toBeLessThan(tolerance);
  });

  test("edges are the ways between two corners, in even steps", () => {
    const edges = [
      [0, 1, (i: number) => cell(0, i)],
      [1, 2, (i: number) => cell(i, 4 + i)],
      [2, 3, (i: number) => cell(4 + i, 8 - i)],
      [3, 4, (i: number) => cell(8, 4 - i)],
      [4, 5, (i: number) => cell(8 - i, 0)],
      [5, 0, (i: number) => cell(4 - i, 0)],
    ] as const;
    for (const [from, to, at] of edges) {
      const way = rows(latentStrip(corners[from] as Float32Array, corners[to] as Float32Array, n));
      for (const [i, latent] of way.entries()) expectClose(at(i), latent);
    }
  });

  test("the centre is as near to the corners as can be, and a spoke leads to each", () => {
    const centre = cell(4, 4) as Float32Array;
    const squares = (z: Float32Array) => corners.reduce((sum, corner) => sum + 2 - 2 * dot(z, corner), 0);
    for (const corner of corners) expect(squares(slerp(centre, corner, 0.01))).toBeGreaterThan(squares(centre));
    for (let i = 0; i < n; i++) {
      expectClose(cell(4 - i, 4 - i), slerp(centre, corners[0], i / 4));
      expectClose(cell(4, 4 + i), slerp(centre, corners[2] as Float32Array, i / 4));
    }
  });

  test("cells of an inner ring lie between its spokes", () => {
    const [left, right] = [cell(2, 2), cell(2, 4)] as [Float32Array, Float32Array];
    expectClose(cell(2, 3), slerp(left, right, 0.5));
  });

  test("latents without a mean, and a wrong number of them, are refused", () => {
    const [a, b, c] = corners as [Float32Array, Float32Array, Float32Array];
    const opposite = [a, b, c, ...[a, b, c].map((z) => z.map((value) => -value))];
    expect(() => latentHexagon(opposite, n)).toThrow("the six latents cancel out and have no mean");
    expect(() => latentHexagon(corners.slice(1), n)).toThrow("expected 6 latents and at least 2 steps, got 5 and 5");
  });
});
