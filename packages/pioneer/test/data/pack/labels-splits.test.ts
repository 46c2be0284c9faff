import { describe, expect, test } from "vitest";
import { cellEncoder, findColumns, type LabelRow } from "../../../src/data/pack/labels.ts";
import { allIndices, buildSplits, smallestHashes } from "../../../src/data/pack/splits.ts";
import { repeat } from "../support.ts";

const names = (count: number) => Array.from({ length: count }, (_, i) => `photo ${i}.jpg`);
const splitsOf = (splits: readonly (string | undefined)[]) => {
  const all = names(splits.length);
  return buildSplits(
    splits.length,
    (i) => splits[i],
    (i) => all[i] as string,
  );
};
const heldOut = (count: number) => {
  const { names: found, codes } = splitsOf(repeat(undefined, count));
  const test = found.indexOf("test");
  return [...codes].flatMap((code, index) => (code === test ? [index] : []));
};
const labelsOf = (rows: readonly LabelRow[]) =>
  findColumns(rows).map((column) => ({ ...column, cells: rows.map((row) => cellEncoder(column)(row[column.name])) }));

test("labels are numbers if all of a column are, else categories; what is missing stays missing", () => {
  expect(
    labelsOf([
      { age: "30", mood: "sad", id: "1" },
      { mood: "calm", id: "x2" },
      { age: "-1.5e2", empty: "", id: "3" },
    ]),
  ).toEqual([
    { name: "age", kind: "number", cells: [30, Number.NaN, -150] },
    { name: "mood", kind: "category", categories: ["calm", "sad"], cells: [1, 0, -1] },
    { name: "id", kind: "category", categories: ["1", "3", "x2"], cells: [0, 2, 1] },
  ]);
  expect(labelsOf([{ nose: 0.25 }, { nose: 1 }])).toEqual([{ name: "nose", kind: "number", cells: [0.25, 1] }]);
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
  expect(splitsOf(["val", "test", "train", undefined])).toEqual({
    names: ["train", "test", "val"],
    codes: Int32Array.of(2, 1, 0, 0),
  });
  const { codes } = splitsOf(repeat("train", 100));
  expect(codes.filter((code) => code === 1)).toHaveLength(2);
});

test("a subset depends on names and salt, not on the order", () => {
  const all = names(100);
  const chosen = (order: readonly string[], salt: string) =>
    new Set(
      Array.from(
        smallestHashes(allIndices(100), (i) => order[i] as string, salt, 10),
        (i) => order[i],
      ),
    );
  expect(chosen(all.toReversed(), "limit 0")).toEqual(chosen(all, "limit 0"));
  expect(chosen(all, "limit 1")).not.toEqual(chosen(all, "limit 0"));
});
