import { Rng } from "pioneer-runtime/internal";
import { describe, expect, test } from "vitest";
import { blend, changeMask, editedShare, fullChange } from "../../src/page/image/mask.ts";

const side = 16;
const size = 3 * side * side;
const noise = (seed: number) => {
  const rng = new Rng(seed);
  return Float32Array.from({ length: size }, () => Math.max(-1, Math.min(1, 0.4 * rng.normal())));
};
const [photo, reconstruction] = [noise(1), noise(2)];

/** The reconstruction with a bright square in its upper left quarter. */
const edited = reconstruction.map((value, i) =>
  i % side < 5 && Math.floor(i / side) % side < 5 ? value + 0.5 : value,
);

describe("keeping photo detail", () => {
  test("at 1 it is reconstruction + M Δ + (1 - M)(photo - reconstruction)", () => {
    const mask = changeMask(edited, reconstruction, side);
    const result = blend(photo, edited, editedShare(mask, 1));
    for (const [i, value] of result.entries()) {
      const [m, r] = [mask[i % (side * side)] as number, reconstruction[i] as number];
      const formula = r + m * ((edited[i] as number) - r) + (1 - m) * ((photo[i] as number) - r);
      // Six roundings to float32 of numbers below 2.
      expect(Math.abs(value - formula)).toBeLessThan(6 * 2 ** -23);
    }
  });

  test("what the edit does not touch is the photo, bit by bit; at 0 nothing of it is left", () => {
    const mask = changeMask(edited, reconstruction, side);
    const kept = blend(photo, edited, editedShare(mask, 1));
    const lastPixel = side * side - 1;
    expect(mask[lastPixel]).toBe(0);
    for (let at = lastPixel; at < size; at += side * side) expect(kept[at]).toBe(photo[at]);
    expect(blend(photo, edited, editedShare(mask, 0))).toEqual(edited);
  });

  test("the mask is 1 where the change is large, 0 far from it, and fades between", () => {
    const all = reconstruction.map((value) => value + fullChange);
    // The kernel's weights add up to 1 to rounding.
    for (const value of changeMask(all, reconstruction, side)) expect(value).toBeCloseTo(1, 5);
    const mask = changeMask(edited, reconstruction, side);
    expect(mask[0]).toBeGreaterThan(0.99);
    const across = Array.from(mask.subarray(0, side));
    expect(across).toEqual([...across].sort((a, b) => b - a));
    expect(new Set(across).size).toBeGreaterThan(3);
  });
});
