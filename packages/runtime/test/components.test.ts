import { latentRow, sampleLatents } from "pioneer-runtime";
import { principalDirections } from "pioneer-runtime/internal";
import { describe, expect, test } from "vitest";

const [dimension, rows] = [6, 3000];
const all = sampleLatents(rows, dimension, 1);
const latents = Array.from({ length: rows }, (_, i) => latentRow(all, dimension, i));

describe("directions of what varies most", () => {
  /** Images of three pixels: one goes with coordinate 2, a weaker one with coordinates 0 and 1 against each other. */
  const images = latents.map(([a = 0, b = 0, c = 0]) => Float32Array.of(5 + 10 * c, 2 * (a - b), 1));

  test("are those of the latents that move the images, the strongest first, towards brighter ones", () => {
    const [first, second] = principalDirections(latents, images, 2);
    // Each number of a regression on 3000 rows has a standard error of 1 / sqrt(3000) of the true slope: 5 of those.
    const tolerance = 5 / Math.sqrt(rows);
    const half = Math.SQRT1_2;
    for (const [found, expected] of [
      [first, [0, 0, 1, 0, 0, 0]],
      [second, [half, -half, 0, 0, 0, 0]],
    ] as const) {
      const worst = Math.max(...expected.map((value, i) => Math.abs(value - (found?.vector[i] ?? 0))));
      expect(worst).toBeLessThan(tolerance);
      // 1 / sqrt(6) on the sphere of six dimensions; 5 standard errors, each at most 1 / sqrt(2 * 3000) of it.
      expect(Math.abs((found?.unit ?? 0) * Math.sqrt(dimension) - 1)).toBeLessThan(5 / Math.sqrt(2 * rows));
      expect(found?.method).toBe("pca");
    }
  });

  test("are refused where there are none", () => {
    expect(() => principalDirections(latents, images, 3)).toThrow("do not vary in so many ways");
    expect(() => principalDirections(latents, images.slice(1), 1)).toThrow("3000 latents, 2999 images");
  });
});
