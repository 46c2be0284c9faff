import { describe, expect, test } from "vitest";
import { buildLabels } from "../../src/data/labels.ts";
import { buildSplits, smallestHashes } from "../../src/data/splits.ts";
import { repeat } from "./support.ts";

const names = (count: number) => Array.from({ length: count }, (_, i) => `photo ${i}.jpg`);
const none = (count: number): undefined[] => repeat(undefined, count);
const heldOut = (count: number) => {
  const { names: found, codes } = buildSplits(none(count), names(count));
  const test = found.indexOf("test");
  return codes.flatMap((code, index) => (code === test ? [index] : []));
};

test("labels are numbers if all of a column are, else categories; what is missing stays missing", () => {
  expect(
    buildLabels([
      { age: "30", mood: "sad", id: "1" },
      { mood: "calm", id: "x2" },
      { age: "-1.5e2", empty: "", id: "3" },
    ]),
  ).toEqual([
    { name: "age", kind: "number", values: [30, null, -150] },
    { name: "mood", kind: "category", categories: ["calm", "sad"], codes: [1, 0, -1] },
    { name: "id", kind: "category", categories: ["1", "3", "x2"], codes: [0, 2, 1] },
  ]);
  expect(buildLabels([{ nose: 0.25 }, { nose: 1 }])).toEqual([{ name: "nose", kind: "number", values: [0.25, 1] }]);
});

describe("without splits", () => {
  test.each([
    [1, 0],
    [2, 1],
    [10, 1],
    [100, 2],
    [1000, 20],
    [49_999, 1000],
    [60_000, 1000],
  ])("of %i images %i are held out", (count, expected) => {
    expect(heldOut(count)).toHaveLength(expected);
  });

  test("they are spread, always the same, and few change when images are added", () => {
    const test = heldOut(5000);
    expect(heldOut(5000)).toEqual(test);
    // Uniform places: the mean of 100 of 5,000 is 2500 ± 144; five standard errors.
    const mean = test.reduce((sum, index) => sum + index, 0) / test.length;
    expect(Math.abs(mean - 2500)).toBeLessThan(5 * 144);
    const kept = heldOut(5050).filter((index) => test.includes(index));
    expect(kept.length).toBeGreaterThanOrEqual(95);
  });
});

test("splits of the source are kept; with train alone, some of it are held out", () => {
  expect(buildSplits(["val", "test", "train", undefined], names(4))).toEqual({
    names: ["train", "test", "val"],
    codes: [2, 1, 0, 0],
  });
  const { codes } = buildSplits(repeat("train", 100), names(100));
  expect(codes.filter((code) => code === 1)).toHaveLength(2);
});

test("a subset depends on names and salt, not on the order", () => {
  const all = names(100);
  const indices = all.map((_, i) => i);
  const chosen = (order: readonly string[], salt: string) =>
    new Set(smallestHashes(indices, order, salt, 10).map((i) => order[i]));
  expect(chosen(all.toReversed(), "limit 0")).toEqual(chosen(all, "limit 0"));
  expect(chosen(all, "limit 1")).not.toEqual(chosen(all, "limit 0"));
});
