import fc from "fast-check";
import { expect, test } from "vitest";
import { longestMove, reachOf } from "../src/edit.ts";

test.each([
  [0.2, 3],
  [0.05, 3],
  [0.201, 2.7],
  [0.28, 2.1],
  [0.5, 1.2],
  [0.6, 0.9],
  [2, 0.3],
])("a direction of unit %d is shown to strength %d", (unit, reach) => {
  expect(reachOf({ unit })).toBe(reach);
});

test("no slider ends beyond a move of 0.6 while one of strength 0.3 is shorter, nor more than a step before", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 2, noNaN: true }), (unit) => {
      const reach = reachOf({ unit });
      expect(reach * unit).toBeLessThanOrEqual(Math.max(longestMove * (1 + 1e-9), 0.3 * unit));
      if (reach < 3) expect((reach + 0.3) * unit).toBeGreaterThan(longestMove * (1 - 1e-9));
    }),
  );
});
