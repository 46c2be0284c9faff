import fc from "fast-check";
import { expect, test } from "vitest";
import { longestMove, reachOf } from "../src/edit.ts";

test.each([
  [0.2, 3],
  [0.05, 3],
  [0.201, 2.9],
  [0.28, 2.1],
  [0.5, 1.2],
  [0.6, 1],
  [0.5999999999999998, 1],
  [2, 0.3],
  [20, 0.1],
])("a direction of unit %d is shown to strength %d", (unit, reach) => {
  expect(reachOf({ unit })).toBe(reach);
});

test("no slider ends beyond a move of 0.6 while one of strength 0.1 is shorter, nor more than a tenth before", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 2, noNaN: true }), (unit) => {
      const reach = reachOf({ unit });
      expect(reach * unit).toBeLessThanOrEqual(Math.max(longestMove * (1 + 1e-9), 0.1 * unit));
      if (reach < 3) expect((reach + 0.1) * unit).toBeGreaterThan(longestMove * (1 - 1e-9));
    }),
  );
});
