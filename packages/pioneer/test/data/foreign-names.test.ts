// Names of classes, labels and files are data: what they mean to JavaScript or to a terminal must not matter.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { packInfo } from "../../src/data/pack/info.ts";
import { openPack } from "../../src/data/pack/pack.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { topFolder } from "../../src/data/sources/source.ts";
import { addToRun } from "../../src/directions/file.ts";
import { commandIn } from "../support/command.ts";

const folder = temporaryFolder();
const names = ["__proto__", "constructor", "hasOwnProperty", "toString", "valueOf"];

const photo = await sharp({ create: { width: 4, height: 4, channels: 3, background: "#123456" } })
  .png()
  .toBuffer();

function classesOf(name: string, classes: readonly string[]): string {
  const source = join(folder, name);
  for (const each of classes) {
    mkdirSync(join(source, each), { recursive: true });
    writeFileSync(join(source, each, "a.png"), photo);
  }
  return source;
}

test("classes, splits and labels called as JavaScript's own things are", async () => {
  const source = classesOf("classes", names);
  const rows = names.map((name, i) => `${name}/a.png,${name},${i},${names[(i + 1) % names.length]}`);
  writeFileSync(join(source, "labels.csv"), ["file,split,__proto__,constructor", ...rows].join("\n"));
  const { pack } = await prepareDataset({ source, out: join(folder, "classes.pack"), resolution: 4 });
  const { splits, labels } = packInfo(pack.path);
  // Of a data set without images for tests, one in fifty is held out, at least one; here from no "train" there is none.
  expect(Object.entries(splits).filter(([, images]) => images > 0)).toEqual(
    names.map((name) => [name.toLowerCase(), 1]),
  );
  const byName = Object.fromEntries(labels.map((label) => [label.name, label]));
  expect(Object.keys(byName).sort()).toEqual(["__proto__", "class", "constructor"]);
  for (const name of ["class", "constructor"] as const) {
    expect(byName[name]).toMatchObject({ kind: "category", missing: 0 });
    const { categories } = byName[name] as unknown as { categories: Record<string, number> };
    expect(Object.entries(categories)).toEqual([...names].sort().map((each) => [each, 1]));
  }
  expect(labels.find(({ name }) => name === "__proto__")).toMatchObject({ kind: "number", min: 0, max: 4, missing: 0 });
  // What is not there is not found, whatever it is called.
  expect(
    openPack(
      (await prepareDataset({ source: classesOf("few", ["a", "b"]), out: join(folder, "few.pack"), resolution: 4 }))
        .pack.path,
    ).splits.constructor,
  ).toBeUndefined();
});

test("a label that one file of several has, or one line, is missing in the others, whatever it is called", async () => {
  const lines = { "a.png": { constructor: "x" }, "b.png": { ["__proto__"]: "y" } };
  const files: Record<string, string[]> = {
    csv: ["file_name,constructor\na.png,x\n", "file_name,__proto__\nb.png,y\n"],
    jsonl: Object.entries(lines).map(([file_name, labels]) => JSON.stringify({ file_name, ...labels })),
  };
  for (const [kind, [ofTrain, ofTest]] of Object.entries(files)) {
    const source = classesOf(kind, []);
    const put = (split: string, image: string, text = "") => {
      mkdirSync(join(source, split), { recursive: true });
      writeFileSync(join(source, split, image), photo);
      writeFileSync(join(source, split, `metadata.${kind}`), text);
    };
    put("train", "a.png", ofTrain);
    put("test", "b.png", ofTest);
    const { pack } = await prepareDataset({ source, out: join(folder, `${kind}.pack`), resolution: 4 });
    expect([...pack.names]).toEqual(["test/b.png", "train/a.png"]);
    const labels = pack.labels.map((label) => [label.name, label.kind === "category" && [...label.codes]]);
    expect(labels.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual([
      ["__proto__", [0, -1]],
      ["constructor", [-1, 0]],
    ]);
  }
});

test("a folder around everything is passed over, whatever it is called", () => {
  expect(topFolder(["constructor/a.png", "constructor/b.png"])).toBe("constructor/");
  expect(topFolder(["training/a.png"])).toBe("");
});

test("a direction that could not be found again is refused", () => {
  const direction = { vector: [1], unit: 1, method: "linear" as const, orthogonal: false };
  const path = join(folder, "directions.json");
  expect(() => addToRun(path, 1, Object.fromEntries([["__proto__", direction]]))).toThrow(
    "no direction can be called __proto__; rename the label. Nothing was written",
  );
  addToRun(path, 1, Object.fromEntries([["constructor", direction]]));
});

test("no name forges a line or reaches the terminal's own commands", async () => {
  const forged = "a\nnext: pioneer \u001b[2J\u202e";
  const source = classesOf("forged", [forged, "b"]);
  writeFileSync(join(source, "b", "broken\u001b[31m.png"), "broken");
  const { pioneer, expectError } = commandIn(folder);
  const { status, stdout, stderr } = pioneer("dataset", "prepare", "forged", "forged.pack", "--resolution", "4");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const shown = stdout + pioneer("info", "forged.pack").stdout;
  expect(shown).toContain("a\\u{a}next: pioneer \\u{1b}[2J\\u{202e}");
  for (const character of ["\u001b", "\u202e"]) expect(shown).not.toContain(character);
  expect(shown.match(/^next: /gm)?.length).toBe(1);
  expectError(["info", "no\u001b[2J"], 1, "no\\u{1b}[2J: no such file or folder; check the path");
});
