import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import type { Pack } from "../../src/data/pack/pack.ts";
import { checkAttribute, findAttribute } from "../../src/directions/attributes.ts";
import { addDirections, type Direction, readDirections } from "../../src/directions/file.ts";

const pack = {
  path: "faces.pack",
  labels: [
    {
      name: "expression",
      kind: "category",
      categories: ["happy", "neutral", "sad"],
      codes: Int32Array.of(0, 1, 2, 0, -1),
    },
    { name: "nose", kind: "number", values: Float64Array.of(0.1, 0.2, Number.NaN, 0.4, 0.5) },
    { name: "Male", kind: "number", values: Float64Array.of(1, -1, -1, Number.NaN, 1) },
    { name: "-size", kind: "number", values: Float64Array.of(5, 6, 7, 8, 9) },
  ],
} as unknown as Pack;

describe("--attribute", () => {
  test.each([
    ["nose", "nose", "number", [0.1, 0.2, Number.NaN, 0.4, 0.5]],
    ["n=nose", "n", "number", [0.1, 0.2, Number.NaN, 0.4, 0.5]],
    ["smile=expression:happy/neutral", "smile", "category", [1, 0, Number.NaN, 1, Number.NaN]],
    ["expression:happy", "happy", "category", [1, 0, 0, 1, Number.NaN]],
    ["Male", "Male", "category", [1, 0, 0, Number.NaN, 1]],
    ["w=Male:-1/1", "w", "category", [0, 1, 1, Number.NaN, 0]],
    ["flat=-nose", "flat", "number", [-0.1, -0.2, Number.NaN, -0.4, -0.5]],
    ["feminine=-Male", "feminine", "category", [0, 1, 1, Number.NaN, 0]],
    ["-size", "-size", "number", [5, 6, 7, 8, 9]],
  ])("%s", (text, name, kind, values) => {
    const found = findAttribute(text, pack);
    expect({ ...found, values: [...found.values] }).toEqual({ name, kind, values });
  });

  test.each([
    ["age", "--attribute age: faces.pack has no label age; it has expression, nose, Male, -size"],
    [
      "expression",
      "--attribute expression: expression has categories (happy, neutral, sad): say which against which, as in expression:happy/neutral",
    ],
    ["expression:angry", "--attribute expression:angry: expression is never angry; it is happy, neutral, sad"],
    [
      "a=expression:happy/calm",
      "--attribute a=expression:happy/calm: expression is never calm; it is happy, neutral, sad",
    ],
    ["=nose", "--attribute =nose: faces.pack has no label =nose; it has expression, nose, Male, -size"],
    ["a=-age", "--attribute a=-age: faces.pack has no label -age; it has expression, nose, Male, -size"],
    ["a=-expression", "--attribute a=-expression: expression has categories (happy, neutral, sad): say which"],
    ["a=-Male:1/-1", "--attribute a=-Male:1/-1: say the sides the other way round, in place of the minus"],
  ])("%s is refused in one line", (text, message) => {
    expect(() => findAttribute(text, pack)).toThrow(message);
  });

  test("fewer than 50 images a side are refused with both counts", () => {
    const values = Float64Array.from({ length: 120 }, (_, i) => (i < 49 ? 1 : 0));
    const rows = [...values.keys()];
    expect(() => checkAttribute({ name: "smile", kind: "category", values }, rows)).toThrow(
      "smile: 49 and 71 images to learn from with it and without it, at least 50 of each are needed",
    );
    checkAttribute({ name: "smile", kind: "category", values: values.fill(1, 49, 50) }, rows);
    const number = Float64Array.from({ length: 120 }, (_, i) => (i < 100 ? 0 : i));
    expect(() => checkAttribute({ name: "age", kind: "number", values: number }, rows)).toThrow(
      "age: 20 and 100 images",
    );
  });
});

describe("directions.json", () => {
  const folder = temporaryFolder();
  const path = join(folder, "directions.json");
  const direction = (unit: number): Direction => ({ vector: [0.6, 0.8], unit, method: "mean", orthogonal: false });

  test("what is added stays beside what was there; one of the same name gives way", async () => {
    await addDirections(path, 2, { a: direction(1), b: direction(2) });
    await addDirections(path, 2, { b: direction(3), c: direction(4) });
    const { directions } = readDirections(path, 2);
    expect(Object.entries(directions).map(([name, { unit }]) => [name, unit])).toEqual([
      ["a", 1],
      ["b", 3],
      ["c", 4],
    ]);
  });

  test.each([
    [
      "another model's",
      (text: string) => text,
      3,
      "has directions of 2 coordinates, the latent space has 3: they are of another model",
    ],
    [
      "a newer format",
      (text: string) => text.replace('"format":1', '"format":2'),
      2,
      "has format 2, newer than this program's 1: update pioneer",
    ],
    ["cut short", (text: string) => text.slice(0, 40), 2, "cannot be read"],
    [
      "a vector too short",
      (text: string) => text.replace("[0.6,0.8]", "[1]"),
      2,
      "holds no directions: give another file, or mend this one",
    ],
    ["not directions", () => "[]", 2, "holds no directions: give another file, or mend this one"],
  ])("%s: refused in one line, and left as it is", async (_, change, latent, message) => {
    const good = readFileSync(path, "utf8");
    const text = change(good);
    writeFileSync(path, text);
    expect(() => readDirections(path, latent)).toThrow(message);
    await expect(addDirections(path, latent, {})).rejects.toThrow(message);
    expect(readFileSync(path, "utf8")).toBe(text);
    writeFileSync(path, good);
  });
});
