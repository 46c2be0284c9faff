import { expect, test } from "vitest";
import { everyPart } from "../../../src/cli/output/bar-or-lines.ts";

test("a line for each part that is done, however many at once, and again for the next piece of work", () => {
  const due = everyPart(4);
  const lines = (total: number, updates: number[]) => updates.filter((done) => due(done, total));
  expect(lines(10, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toEqual([3, 5, 8, 10]);
  expect(lines(1000, [100, 900, 950, 1000])).toEqual([900, 1000]);
});
