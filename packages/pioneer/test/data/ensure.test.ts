import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { defaultCacheDir } from "../../src/base/cache-dir.ts";
import { ensurePack } from "../../src/data/ensure.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { labelledPhotos, png, writeFiles, writeTar } from "./support.ts";

const folder = temporaryFolder();
const cacheDir = join(folder, "cache");
let source: string;
beforeAll(async () => {
  source = await labelledPhotos(join(folder, "my photos"));
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
  // Photos are the same for every seed, but not which of them are taken.
  expect((await ensurePack(source, { cacheDir, resolution: 8, seed: 5 })).pack.id).toBe(first.pack.id);
  const some = async (seed: number) => [
    ...(await ensurePack(source, { cacheDir, resolution: 8, limit: 5, seed })).pack.names,
  ];
  expect(await some(1)).not.toEqual(await some(2));
  utimesSync(join(source, "3.png"), 1, 1);
  expect((await ensurePack(source, { cacheDir, resolution: 8 })).prepared).toBeDefined();
  expect(readdirSync(cacheDir)).toHaveLength(6);
});

test.each(["photos.tar", "photos.tar.gz"])(
  "%s is read when it is packed, and not again until it changes",
  async (name) => {
    const cache = join(folder, `cache of ${name}`);
    const photos = await Promise.all([40, 90, 140].map((level) => png(8, 8, [level, level, 255])));
    const files = Object.fromEntries(photos.map((photo, i) => [`${i}.png`, photo]));
    const path = await writeTar(join(writeFiles(join(folder, `of ${name}`), {}), name), files);
    utimesSync(path, 3, 3);
    const ensure = (options: { labels?: string; kind?: "zip" } = {}) =>
      ensurePack(path, { cacheDir: cache, resolution: 4, ...options });
    const first = await ensure();
    expect(first.prepared?.pack.count).toBe(3);

    // The same size and time, but nothing that could be read as an archive: only who reads it would notice.
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.alloc(bytes.length, 7));
    utimesSync(path, 3, 3);
    const again = await ensure();
    expect([again.prepared, again.pack.id]).toEqual([undefined, first.pack.id]);

    // Taken for another kind of source it is not the pack that is there.
    await expect(ensure({ kind: "zip" })).rejects.toThrow(path);

    // Another time: read, and refused for what it holds now.
    utimesSync(path, 1, 1);
    await expect(ensure()).rejects.toThrow(path);
    writeFileSync(path, bytes);
    utimesSync(path, 2, 2);
    expect((await ensure()).prepared?.pack.id).toBe(first.pack.id);
    // Another size, and labels given or put beside it.
    await writeTar(path, { ...files, "3.png": photos[0] as Buffer });
    expect((await ensure()).prepared?.pack.count).toBe(4);
    writeFiles(join(folder, `of ${name}`), { "other.csv": "file,age\n0.png,7\n" });
    const labelled = await ensure({ labels: join(folder, `of ${name}`, "other.csv") });
    expect(labelled.prepared?.pack.labels.map((label) => label.name)).toEqual(["age"]);
    writeFiles(join(folder, `of ${name}`), { "labels.csv": "file,mood\n1.png,calm\n" });
    expect((await ensure()).prepared?.pack.labels.map((label) => label.name)).toEqual(["mood"]);
    expect((await ensure()).prepared).toBeUndefined();
  },
);

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

test("two that pack the same source at once: the second waits for the first, and uses its pack", async () => {
  const cache = join(folder, "both");
  const told: string[] = [];
  const onWait = (text: string) => told.push(text);
  const [first, second] = await Promise.all([
    ensurePack(source, { cacheDir: cache, resolution: 8, onWait }),
    ensurePack(source, { cacheDir: cache, resolution: 8, onWait }),
  ]);
  expect(second.pack.id).toBe(first.pack.id);
  expect([first.prepared, second.prepared].filter((prepared) => prepared !== undefined)).toHaveLength(1);
  expect(told).toEqual([`waiting for process ${process.pid} ${hostname()}, which packs ${source} already`]);
});

test("who waits for another process can be stopped, and packs where the other one is gone", async () => {
  const cache = join(folder, "waited for");
  const { pack } = await ensurePack(source, { cacheDir: cache, resolution: 8 });
  rmSync(pack.path);
  writeFileSync(`${pack.path}.lock`, `${process.ppid} ${hostname()}`);
  const stopper = new AbortController();
  const onWait = () => stopper.abort();
  const stopped = ensurePack(source, { cacheDir: cache, resolution: 8, onWait, signal: stopper.signal });
  await expect(stopped).rejects.toThrow("stopped while another process was packing");
  const taken = ensurePack(source, { cacheDir: cache, resolution: 8, onWait: () => rmSync(`${pack.path}.lock`) });
  expect((await taken).prepared).toBeDefined();
});
