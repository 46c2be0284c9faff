import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { packInfo, packSheet } from "../../../src/data/pack/info.ts";
import { prepareDataset } from "../../../src/data/prepare.ts";
import { labelledPhotos } from "../support.ts";

const folder = temporaryFolder();
let source: string;
beforeAll(async () => {
  source = await labelledPhotos(join(folder, "my photos"));
});

test("info says what is in a pack, ready for JSON", async () => {
  const path = join(folder, "info.pack");
  await prepareDataset({ source, out: path, resolution: 16 });
  const info = packInfo(path);
  expect(JSON.parse(JSON.stringify(info))).toEqual(info);
  expect(info).toMatchObject({ path, count: 10, resolution: 16, colour: "grey", crop: "center", enlarged: 10 });
  expect(info.splits).toEqual({ train: 9, test: 1 });
  expect(info.source).toEqual({ kind: "folder", name: "my photos" });
  expect(info.labels).toEqual([
    { name: "age", missing: 1, kind: "number", min: 1, max: 9, mean: 5 },
    { name: "mood", missing: 1, kind: "category", categories: { calm: 7, wild: 2 } },
  ]);
  expect(info.skipped.map(({ name }) => name)).toEqual(["broken.png"]);
});

test("a sheet shows images spread over the pack, in three channels", async () => {
  const path = join(folder, "sheet.pack");
  await prepareDataset({ source, out: path, resolution: 4 });
  const sheet = packSheet(path, 5);
  expect(sheet).toMatchObject({ count: 5, resolution: 4, indices: [0, 2, 4, 6, 8] });
  expect(sheet.pixels).toHaveLength(5 * 4 * 4 * 3);
  expect([...sheet.pixels.subarray(48, 51)]).toEqual([20, 20, 20]);
  expect(packSheet(path, 100).count).toBe(10);
});
