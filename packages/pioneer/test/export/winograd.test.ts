import { expect, test } from "vitest";
import { inputOfTile, kernelOfTile, outputOfTile, tileSide } from "../../src/export/winograd.ts";

/** A matrix of rows as long as the vector, times the vector. */
const times = (matrix: readonly number[], vector: readonly number[]) =>
  Array.from({ length: matrix.length / vector.length }, (_, row) =>
    vector.reduce((sum, value, i) => sum + value * (matrix[row * vector.length + i] as number), 0),
  );

test("36 products give the 16 outputs of a 3x3 convolution", () => {
  const sees = tileSide + 2;
  const pixels = Array.from({ length: sees * sees }, (_, i) => Math.sin(1.7 * i));
  const taps = Array.from({ length: 9 }, (_, i) => Math.cos(2.3 * i));
  const [kernel, input] = [times(kernelOfTile, taps), times(inputOfTile, pixels)];
  expect(kernel).toHaveLength(36);
  const outputs = times(
    outputOfTile,
    kernel.map((value, i) => value * (input[i] as number)),
  );
  const expected = Array.from({ length: 16 }, (_, at) =>
    taps.reduce((sum, tap, i) => {
      const [y, x] = [Math.floor(at / tileSide) + Math.floor(i / 3), (at % tileSide) + (i % 3)];
      return sum + tap * (pixels[y * sees + x] as number);
    }, 0),
  );
  // In float64: some hundred roundings of numbers below 100.
  for (const [i, value] of outputs.entries()) expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-11);
});
