import { expect, test } from "vitest";
import { barLine } from "../../../src/cli/output/bar-line.ts";
import { everyPart } from "../../../src/cli/output/bar-or-lines.ts";

test.each([
  [80, "run   12 min left ██████████░░░░░░░░░░░░░░ 42 % | 118 img/s"],
  [60, "run   12 min left ██████████░░░░░░░░░░░░░░ 42 % | 118 img/s"],
  [40, "run   12 min left ███████░░░░░░░░░ 42 %"],
  [30, "run   12 min left ███░░░ 42 %"],
  [25, "run   12 min left 42 %"],
  [20, "run   12 min left"],
])("in %i columns time left comes first, and nothing is broken", (columns, line) => {
  const parts = {
    name: "run   ",
    left: "12 min left",
    done: 0.42,
    rest: ["118 img/s", "a part that does not fit beside it"],
  };
  expect(barLine(columns, parts)).toBe(line);
});

test("all is done", () => {
  expect(barLine(20, { left: "0 s left", done: 1, rest: [] })).toBe("0 s left 100 %");
  expect(barLine(24, { left: "0 s left", done: 1, rest: [] })).toBe("0 s left ████████ 100 %");
});

test("a line for each part that is done, however many at once, and again for the next piece of work", () => {
  const due = everyPart(4);
  const lines = (total: number, updates: number[]) => updates.filter((done) => due(done, total));
  expect(lines(10, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toEqual([3, 5, 8, 10]);
  expect(lines(1000, [100, 900, 950, 1000])).toEqual([900, 1000]);
});
