import { rand, scope } from "pioneer-torch";
import { expect, test } from "vitest";
import { drawLatents, stream } from "../../src/compute/streams.ts";

const numbers = (...of: Parameters<typeof stream>) =>
  scope(() =>
    rand([4], stream(...of))
      .toFloat32Array()
      .join(),
  );

test("a stream is a function of seed, purpose and count, and each gives other numbers", () => {
  expect(numbers(3, "latents", 8)).toBe(numbers(3, "latents", 8));
  const seen = new Set<string>();
  for (const seed of [0, 1, 2 ** 40]) {
    for (const purpose of ["weights", "order", "mirror", "latents", "pool"] as const) {
      for (const count of [0, 1, 2, 1000]) seen.add(numbers(seed, purpose, count));
    }
  }
  expect(seen.size).toBe(3 * 5 * 4);
});

test("latents are uniform on the sphere", () => {
  const [count, latent] = [4000, 6];
  const z = scope(() => drawLatents(count, latent, stream(0, "latents")).toFloat32Array());
  const mean = new Float64Array(latent);
  const square = new Float64Array(latent);
  for (let i = 0; i < count; i++) {
    const row = z.subarray(i * latent, (i + 1) * latent);
    expect(Math.abs(Math.hypot(...row) - 1)).toBeLessThan(1e-6);
    for (const [j, value] of row.entries()) {
      mean[j] = (mean[j] as number) + value / count;
      square[j] = (square[j] as number) + value ** 2 / count;
    }
  }
  // A coordinate has mean 0 and variance 1/n; its square has variance 2(n-1)/(n^2 (n+2)). 4 standard errors, seed 0.
  const squareDeviation = Math.sqrt((2 * (latent - 1)) / (latent ** 2 * (latent + 2)));
  for (let j = 0; j < latent; j++) {
    expect(Math.abs(mean[j] as number)).toBeLessThan(4 / Math.sqrt(latent * count));
    expect(Math.abs((square[j] as number) - 1 / latent)).toBeLessThan((4 * squareDeviation) / Math.sqrt(count));
  }
});
