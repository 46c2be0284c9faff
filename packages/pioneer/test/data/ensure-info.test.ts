import { existsSync, readdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { defaultCacheDir, ensurePack } from "../../src/data/ensure.ts";
import { packInfo, packSheet } from "../../src/data/info.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { png, temporaryFolder, writeFiles } from "./support.ts";

const folder = temporaryFolder();
const cacheDir = join(folder, "cache");
let source: string;
beforeAll(async () => {
  const files: Record<string, Buffer | string> = { "broken.png": "x" };
  let csv = "file,age,mood\n";
  for (let i = 0; i < 10; i++) {
    files[`${i}.png`] = await png(12, 12, [10 * i, 10 * i, 10 * i]);
    csv += `${i}.png,${i === 0 ? "" : i},${i < 7 ? "calm" : i < 9 ? "wild" : ""}\n`;
  }
  source = writeFiles(join(folder, "my photos"), { ...files, "labels.csv": csv });
});
afterEach(() => vi.unstubAllEnvs());

test("a pack is used as it is", async () => {
  const { pack } = await prepareDataset({ source, out: join(folder, "own.pack"), resolution: 8 });
  const ensured = await ensurePack(pack.path, { cacheDir, resolution: 4 });
  expect(ensured.prepared).toBeUndefined();
  expect(ensured.pack.path).toBe(pack.path);
  expect(existsSync(cacheDir)).toBe(false);
  await expect(ensurePack(join(folder, "missing.pack"), { cacheDir })).rejects.toThrow(
    /missing\.pack: no such file or folder/,
  );
  writeFileSync(join(folder, "not.pack"), "hello");
  await expect(ensurePack(join(folder, "not.pack"), { cacheDir })).rejects.toThrow(/not\.pack is not a pack/);
});

test("a source is packed once, and again when it or the options change", async () => {
  const first = await ensurePack(source, { cacheDir, resolution: 8 });
  expect(first.prepared?.skipped).toEqual([
    { name: "broken.png", reason: expect.stringMatching(/^cannot be decoded/) },
  ]);
  expect(readdirSync(cacheDir)).toEqual([expect.stringMatching(/^my-photos-8-[0-9a-f]{16}\.pack$/)]);
  const again = await ensurePack(source, { cacheDir, resolution: 8 });
  expect([again.prepared, again.pack.path]).toEqual([undefined, first.pack.path]);
  expect((await ensurePack(source, { cacheDir, resolution: 4 })).prepared).toBeDefined();
  expect((await ensurePack(source, { cacheDir, resolution: 8, limit: 5 })).pack.count).toBeLessThanOrEqual(5);
  utimesSync(join(source, "3.png"), 1, 1);
  expect((await ensurePack(source, { cacheDir, resolution: 8 })).prepared).toBeDefined();
  expect(readdirSync(cacheDir)).toHaveLength(4);
});

test("a damaged pack in the cache is made again", async () => {
  const { pack } = await ensurePack("procedural:faces", { cacheDir, resolution: 4, count: 10, seed: 1 });
  truncateSync(pack.path, pack.bytes - 1);
  const again = await ensurePack("procedural:faces", { cacheDir, resolution: 4, count: 10, seed: 1 });
  expect(again.prepared).toBeDefined();
  expect(again.pack.id).toBe(pack.id);
  expect((await ensurePack("procedural:faces", { cacheDir, resolution: 4, count: 10, seed: 2 })).pack.id).not.toBe(
    pack.id,
  );
});

test("the cache is where XDG says, else in the home folder", async () => {
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "xdg"));
  expect(defaultCacheDir()).toBe(join(folder, "xdg", "pioneer"));
  const { pack } = await ensurePack(source, { resolution: 4 });
  expect(pack.path.startsWith(join(folder, "xdg", "pioneer"))).toBe(true);
  vi.stubEnv("XDG_CACHE_HOME", "");
  vi.stubEnv("HOME", "/home/someone");
  expect(defaultCacheDir()).toBe("/home/someone/.cache/pioneer");
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
