// What a page learns from few sorted pictures, beside what `pioneer directions` learns from the same latents by libtorch.
import { latentRow, sampleLatents, teach } from "pioneer-runtime";
import { Rng } from "pioneer-runtime/internal";
import { describe, expect, test } from "vitest";
import { learnDirections } from "../support/learn-directions.ts";

/** Latents about a pole; those with it are moved along the first axis. More dimensions than pictures, and fewer. */
function sorted(dimension: number, perSide: number, seed: number) {
  const rng = new Rng(seed);
  const pole = sampleLatents(1, dimension, seed);
  const side = (shift: number) =>
    Array.from({ length: perSide }, () => {
      const row = pole.map((value, i) => value + (0.6 * rng.normal()) / Math.sqrt(dimension) + (i === 0 ? shift : 0));
      const length = Math.hypot(...row);
      return row.map((value) => value / length);
    });
  return { yes: side(0.15), no: side(-0.15) };
}

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * (b[i] as number), 0);

describe.each([
  { dimension: 40, perSide: 12 },
  { dimension: 8, perSide: 30 },
])("$perSide pictures a side in $dimension dimensions", ({ dimension, perSide }) => {
  const { yes, no } = sorted(dimension, perSide, 3);
  const all = [...yes, ...no];
  const values = new Float32Array(all.length * dimension);
  for (const [i, row] of all.entries()) values.set(row, i * dimension);
  const attribute = {
    name: "it",
    kind: "category" as const,
    values: Float64Array.from(all, (_, i) => (i < perSide ? 1 : 0)),
  };
  const latents = { values, latent: dimension, fitted: [...all.keys()], heldOut: [] };

  test.each(["mean", "linear"] as const)("%s is the direction of pioneer directions", (method) => {
    const { direction } = teach({ yes, no }, method);
    const { it } = learnDirections(latents, [attribute], { method, orthogonal: false });
    // Both stop Newton's method where the loss changes by less than 1e-14 of it: its square root in the weights.
    expect(1 - cosine(direction.vector, it?.vector ?? [])).toBeLessThan(1e-10);
    expect(direction.unit / (it?.unit ?? 0)).toBeCloseTo(1, 6);
    expect(direction.fitted).toEqual({ count: all.length, missing: 0 });
  });
});

describe("few pictures", () => {
  test("what was held out is told as well as new pictures are", () => {
    const { yes, no } = sorted(16, 20, 5);
    const fresh = sorted(16, 500, 5);
    for (const method of ["mean", "linear"] as const) {
      const { direction, score } = teach({ yes, no }, method);
      const right = [
        fresh.yes.filter((latent) => score(latent) > 0).length / 500,
        fresh.no.filter((latent) => score(latent) <= 0).length / 500,
      ] as const;
      const { value, count } = direction.heldOut ?? { value: 0, count: 0 };
      expect(count).toBe(40);
      // Three standard errors of a rate about 0.8 over 40.
      expect(Math.abs(value - (right[0] + right[1]) / 2)).toBeLessThan(3 * Math.sqrt((0.8 * 0.2) / 40));
      expect(value).toBeGreaterThan(0.6);
    }
  });

  test("fewer than three a side, and sides that are the same, are refused", () => {
    const rows = Array.from({ length: 6 }, (_, i) => latentRow(sampleLatents(6, 8, 1), 8, i));
    expect(() => teach({ yes: rows.slice(0, 2), no: rows.slice(2) }, "mean")).toThrow(
      "at least 3 pictures a side, got 2",
    );
    expect(() => teach({ yes: rows.slice(0, 3), no: rows.slice(0, 3) }, "mean")).toThrow("the same");
    expect(teach({ yes: rows.slice(0, 3), no: rows.slice(3) }, "linear").direction.heldOut).toBeUndefined();
  });
});
