import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { describeOddOnes, type Look } from "../../src/data/odd-ones.ts";
import { NameTable } from "../../src/data/pack/names.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { oneSize } from "../../src/data/sources/lsun.ts";
import { type Files, png, repeat, writeFiles } from "./support.ts";

const photo: Look = { name: "images/1.jpg", shortSide: 200, bits: 8, isTwoLevel: false };

test("masks in folders of their own are named, and the folder without them", () => {
  const masks = repeat({ ...photo, name: "masks/1.png", isTwoLevel: true }, 3);
  expect(describeOddOnes([...repeat(photo, 2), ...masks])).toEqual([
    "3 of 5 images looked at are black and white alone, as masks are (first: masks/1.png): look by dataset info --sheet; to leave them out, prepare its folder images alone",
  ]);
});

test("depth maps and thumbnails too; a single one, or a whole set of them, is no matter", () => {
  const deep = repeat({ ...photo, name: "images/2.png", bits: 16 } as const, 2);
  const small = repeat({ ...photo, name: "small.jpg", shortSide: 49 }, 2);
  expect(describeOddOnes([...repeat(photo, 5), ...deep, ...small]).map((note) => note.slice(0, 44))).toEqual([
    "2 of 9 images looked at are of 16 bits where",
    "2 of 9 images looked at are less than 1/4 as",
  ]);
  expect(describeOddOnes([photo, { ...photo, isTwoLevel: true }])).toEqual([]);
  expect(describeOddOnes(repeat({ ...photo, isTwoLevel: true }, 9))).toEqual([]);
});

test("seen by the pixels when a folder is packed", async () => {
  const files: Record<string, Files[string]> = {};
  for (let i = 0; i < 3; i++) {
    files[`photos/${i}.png`] = await png(16, 16, (x, y) => [x * 9 + i, y * 9, 77]);
    files[`parts/${i}.png`] = await png(16, 16, (x) => (x < 5 + i ? [0, 0, 0] : [255, 255, 255]));
  }
  const source = writeFiles(join(temporaryFolder(), "set"), files);
  const { notes } = await prepareDataset({ source, out: `${source}.pack`, resolution: 8 });
  expect(notes).toEqual([
    expect.stringMatching(/^3 of 6 images looked at are black and white alone.*first: parts\/0\.png/),
  ]);
});

test("of LMDBs that hold each picture at several sizes, one size is taken", () => {
  const keys = NameTable.from(["128-00000", "128-00001", "256-00000", "256-00001", "64-00000", "64-00001", "length"]);
  const taken = (resolution?: number) => [...(oneSize(keys, resolution)?.entries ?? [])];
  expect([taken(), taken(100), taken(64), taken(512)]).toEqual([
    [2, 3],
    [0, 1],
    [4, 5],
    [2, 3],
  ]);
  expect(oneSize(keys, 64)?.note).toBe("left out: the same pictures at 128, 256 pixels; those at 64 are taken");
  expect(oneSize(NameTable.from(["256-00000", "length"]), 64)).toEqual({ entries: Uint32Array.of(0) });
  expect(oneSize(NameTable.from(["00a1f3", "00a1f4"]), 64)).toBeUndefined();
});
