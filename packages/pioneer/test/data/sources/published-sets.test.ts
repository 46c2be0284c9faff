import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { ConfigError, DataError } from "../../../src/base/errors.ts";
import { ensurePack } from "../../../src/data/ensure.ts";
import { allIndices } from "../../../src/data/pack/splits.ts";
import type { RawImage } from "../../../src/data/pixels/decode.ts";
import { prepareDataset } from "../../../src/data/prepare.ts";
import type { SourceKind } from "../../../src/data/sources/kinds.ts";
import { openSource } from "../../../src/data/sources/open.ts";
import type { Indices, Source } from "../../../src/data/sources/source.ts";
import { fixture } from "../../support/fixture.ts";
import { entriesOf, readFiles, writeTar } from "../support.ts";

/** Made with h5py, python-lmdb, Pillow and Python's pickle; see README.md there. */
const at = (name: string) => fixture(`datasets/${name}`);
const expected = JSON.parse(readFileSync(at("datasets_expected.json"), "utf8"));

const folder = temporaryFolder();
const opened: Source[] = [];
afterAll(async () => {
  for (const source of opened) await source.close();
});

async function open(path: string, options: { kind?: SourceKind; resolution?: number; labels?: string } = {}) {
  const source = await openSource(path, options.resolution, options);
  opened.push(source);
  return source;
}

/** The one-line DataError of what cannot be opened. */
async function refusal(path: string, options: Parameters<typeof open>[1] = {}): Promise<string> {
  const error = await open(path, options).then(
    () => new Error("opened"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataError);
  expect((error as Error).message).not.toContain("\n");
  return (error as Error).message;
}

async function contentsOf(source: Source, indices: Indices = allIndices(source.count)): Promise<(Buffer | RawImage)[]> {
  const reads: Promise<Buffer | RawImage>[] = [];
  for await (const content of source.contents(indices)) reads.push(content.read());
  return await Promise.all(reads);
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Mean of each channel of interleaved pixels. */
function meanRgb(pixels: Uint8Array): number[] {
  const sums = [0, 0, 0];
  for (const [i, value] of pixels.entries()) sums[i % 3] = (sums[i % 3] as number) + value;
  return sums.map((sum) => (3 * sum) / pixels.length);
}

function expectMeans(got: readonly number[], want: readonly number[], tolerance: number): void {
  expect(got).toHaveLength(want.length);
  for (const [i, value] of got.entries()) expect(Math.abs(value - (want[i] as number))).toBeLessThanOrEqual(tolerance);
}

/** Planes of red, green and blue, as the files hold them. */
function toPlanes({ pixels }: RawImage): Uint8Array {
  const area = pixels.length / 3;
  return Uint8Array.from(pixels, (_, i) => pixels[(i % area) * 3 + Math.floor(i / area)] as number);
}

/** A copy of a fixture that a test may break. */
function copy(name: string, as: string): string {
  const path = join(folder, as);
  cpSync(at(name), path, { recursive: true });
  return path;
}

/** Cuts a file to a share of its length. */
function cut(path: string, share: number): void {
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * share)));
}

const edit = (path: string, change: (text: string) => string) =>
  writeFileSync(path, change(readFileSync(path, "utf8")));

describe("CIFAR-10", () => {
  test("python and binary batches hold the images, labels and splits they should", async () => {
    const [python, binary] = [await open(at("cifar-10-batches-py")), await open(at("cifar-10-batches-bin"))];
    expect([python.kind, binary.kind]).toEqual(["cifar10", "cifar10"]);
    expect(entriesOf(binary)).toEqual(entriesOf(python));
    const names = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");
    const { data_batch_1: train, test_batch: test } = expected.cifar10;
    expect(entriesOf(python).map(({ split }) => split)).toEqual([...Array(8).fill("train"), ...Array(4).fill("test")]);
    expect(entriesOf(python).map(({ labels }) => labels.class)).toEqual(
      [...train.labels, ...test.labels].map((label: number) => names[label]),
    );
    expect(python.entry(8).name).toBe("test_batch/00000");
    for (const source of [python, binary]) {
      const images = (await contentsOf(source)) as RawImage[];
      const digests = [...train.sha256_of_pixels, ...test.sha256_of_pixels];
      expect(images.map((image) => sha256(toPlanes(image)))).toEqual(digests);
      // Means are written with three decimals.
      expectMeans(meanRgb((images[3] as RawImage).pixels), train.mean_rgb[3], 5.01e-4);
      expect(source.notes).toEqual(["holds 1 of CIFAR-10's 5 training batches"]);
    }
    const [one] = (await contentsOf(binary, [9])) as RawImage[];
    expect(sha256(toPlanes(one as RawImage))).toBe(test.sha256_of_pixels[1]);
  });

  test("its pack keeps class and split", async () => {
    const { pack } = await prepareDataset({ source: at("cifar-10-batches-py"), out: join(folder, "cifar.pack") });
    expect(pack).toMatchObject({ count: 12, resolution: 32, colour: "rgb", crop: "center" });
    expect([...(pack.splits.test ?? [])]).toEqual([8, 9, 10, 11]);
    expect(pack.labels.map(({ name, kind }) => [name, kind])).toEqual([["class", "category"]]);
  });

  test.each([
    ["cifar-10-batches-py", "cifar-10-python.tar.gz"],
    ["cifar-10-batches-bin", "anything.tgz"],
    ["cifar-10-batches-py", "unpacked.tar"],
  ])("%s as the archive %s: the same pack as of the folder", async (name, archive) => {
    const files = Object.entries(readFiles(at(name))).map(([file, bytes]) => [`${name}/${file}`, bytes] as const);
    // In the order of the published archive, a page of text among them.
    const path = await writeTar(join(folder, archive), [...files.toReversed(), [`${name}/readme.html`, "<html>"]]);
    const source = await open(path);
    expect(source).toMatchObject({ kind: "cifar10", name, count: 12 });
    const options = { resolution: 32 };
    const ofFolder = await prepareDataset({ ...options, source: at(name), out: join(folder, `${archive}-a.pack`) });
    const ofArchive = await prepareDataset({ ...options, source: path, out: join(folder, `${archive}-b.pack`) });
    expect(ofArchive.pack.id).toBe(ofFolder.pack.id);
    expect((await open(path, { kind: "cifar10" })).count).toBe(12);
    expect(await refusal(path, { labels: "x.csv" })).toMatch(/is read as cifar10, which takes no labels file/);
  });

  test("an archive that is cut short anywhere is refused in one line, and no pack is begun", async () => {
    const files = Object.entries(readFiles(at("cifar-10-batches-py")));
    for (const [name, message] of [
      ["cut.tar.gz", /cut\.tar\.gz: cannot be read as a tar archive: unexpected end of file; download or make it/],
      ["cut.tar", /cut\.tar: cannot be read as a tar archive: Unexpected end of data; download or make it again/],
    ] as const) {
      const path = await writeTar(
        join(folder, name),
        files.map(([file, bytes]) => [`cifar-10-batches-py/${file}`, bytes]),
      );
      const whole = readFileSync(path);
      for (const share of [0.1, 0.5, 0.9]) {
        writeFileSync(path, whole.subarray(0, Math.floor(whole.length * share)));
        expect(await refusal(path)).toMatch(message);
        await expect(prepareDataset({ source: path, out: join(folder, "cut.pack") })).rejects.toThrow(message);
      }
      const flipped = Buffer.from(whole);
      flipped[Math.floor(whole.length / 2)] = 255 - (flipped[Math.floor(whole.length / 2)] as number);
      writeFileSync(path, flipped);
      if (name.endsWith("gz")) expect(await refusal(path)).toMatch(/cut\.tar\.gz: cannot be read as a tar archive: /);
    }
    expect(readdirSync(folder).filter((name) => name.startsWith("cut.pack"))).toEqual([]);
    const other = await writeTar(join(folder, "no-batches.tar.gz"), { "a.png": "x" });
    expect(await refusal(other, { kind: "cifar10" })).toMatch(/no-batches\.tar\.gz: no batches of CIFAR-10; it needs/);
  });

  test("what is cut short or wrong is refused with the file", async () => {
    const binary = copy("cifar-10-batches-bin", "cut-bin");
    cut(join(binary, "data_batch_1.bin"), 0.7);
    expect(await refusal(binary)).toMatch(
      /data_batch_1\.bin: cut short or not a batch of CIFAR-10: 17208 bytes are no mul/,
    );
    const labels = copy("cifar-10-batches-bin", "labels-bin");
    const bytes = readFileSync(join(labels, "test_batch.bin"));
    bytes[3073] = 77;
    writeFileSync(join(labels, "test_batch.bin"), bytes);
    expect(await refusal(labels)).toMatch(/test_batch\.bin: .*image 1 has label 77, expected 0 to 9/);
    const python = copy("cifar-10-batches-py", "cut-py");
    cut(join(python, "test_batch"), 0.5);
    expect(await refusal(python)).toMatch(/test_batch is a pickle cut short after 6309 bytes; download it again/);
    const evil = copy("cifar-10-batches-py", "evil-py");
    writeFileSync(join(evil, "data_batch_1"), "cos\nsystem\n(S'touch /tmp/pioneer-pwned'\ntR.");
    expect(await refusal(evil)).toMatch(/data_batch_1 names "os\.system", which plain data have no use for/);
    const meta = copy("cifar-10-batches-bin", "meta-bin");
    writeFileSync(join(meta, "batches.meta.txt"), "cat\ndog\n");
    expect(await refusal(meta)).toMatch(/batches\.meta\.txt: expected the names of 10 classes, got 2/);
    for (const kind of ["auto", "cifar10"] as const) {
      expect(await refusal(join(at("cifar-10-batches-py"), "data_batch_1"), { kind })).toMatch(
        /data_batch_1 is one batch of CIFAR-10; give the folder it is in/,
      );
    }
    expect(await refusal(at("celeba"), { kind: "cifar10" })).toMatch(
      /celeba: no batches of CIFAR-10; it needs data_batch_1/,
    );
  });
});

describe("CelebA", () => {
  test("its attributes are labels, the partition file its split, the authors' crop its crop", async () => {
    const source = await open(at("celeba"));
    expect(source).toMatchObject({ kind: "celeba", crop: "celeba", notes: [] });
    const splits = ["train", "val", "test"];
    for (const [i, image] of expected.celeba.images.entries()) {
      const entry = source.entry(i);
      expect(entry).toMatchObject({ name: image.name, split: splits[image.partition] });
      expect(Object.keys(entry?.labels ?? {})).toHaveLength(40);
      const positive = Object.entries(entry?.labels ?? {}).filter(([, value]) => value === 1);
      expect(positive.map(([name]) => name)).toEqual(image.positive_attributes);
    }
    const contents = (await contentsOf(source)) as Buffer[];
    for (const [i, bytes] of contents.entries()) {
      const pixels = await sharp(bytes).raw().toBuffer();
      // JPEG decoders may differ by 1.
      expectMeans(meanRgb(pixels), expected.celeba.images[i].mean_rgb, 1);
    }
  });

  test("the pack has it all", async () => {
    const { pack } = await prepareDataset({ source: at("celeba"), out: join(folder, "celeba.pack") });
    expect(pack).toMatchObject({ count: 12, resolution: 128, crop: "celeba", source: { kind: "celeba" } });
    expect(pack.labels).toHaveLength(40);
    expect(pack.labels[4]).toMatchObject({ name: "Bald", kind: "number" });
    expect(Object.entries(pack.splits).map(([name, { length }]) => [name, length])).toEqual([
      ["train", 8],
      ["test", 2],
      ["val", 2],
    ]);
  });

  test("as a folder, where that is asked for", async () => {
    const source = await open(at("celeba"), { kind: "folder" });
    expect(source.kind).toBe("folder");
    expect(source.entry(0)).toEqual({ name: "img_align_celeba/000001.jpg", labels: {} });
  });

  test("lists that are missing, cut short or do not fit are refused with the line", async () => {
    const broken = (as: string, file: string, change: (text: string) => string) => {
      const path = copy("celeba", as);
      edit(join(path, file), change);
      return refusal(path);
    };
    const attributes = "list_attr_celeba.txt";
    const partition = "list_eval_partition.txt";
    expect(await broken("c1", attributes, (text) => text.slice(0, text.length / 2))).toMatch(
      /list_attr_celeba\.txt: line \d+ has \d+ values for 40 attributes; download it again/,
    );
    expect(await broken("c2", attributes, (text) => text.split("\n").slice(0, 9).join("\n"))).toMatch(
      /cut short or edited: it lists 7 images and says 12/,
    );
    expect(await broken("c3", attributes, (text) => text.replaceAll("00000", "90000"))).toMatch(
      /list_attr_celeba\.txt does not fit .*: it has no line for 9 of 12 images \(first: 000001\.jpg\)/,
    );
    expect(await broken("c4", attributes, (text) => text.replace("000002.jpg  1", "000002.jpg  2"))).toMatch(
      /line 4: 5_o_Clock_Shadow is "2", expected 1 or -1/,
    );
    expect(await broken("c5", attributes, () => "hello")).toMatch(/not CelebA's list of attributes/);
    expect(await broken("c6", partition, (text) => text.replace("000009.jpg 1", "000009.jpg 7"))).toMatch(
      /list_eval_partition\.txt: line 9 is "000009\.jpg 7", expected a file and 0 \(train\)/,
    );
    expect(await broken("c7", partition, (text) => text.slice(0, 39))).toMatch(/does not fit .* no line for/);
    const missing = copy("celeba", "c8");
    rmSync(join(missing, partition));
    expect(await refusal(missing)).toMatch(/c8: no list_eval_partition\.txt, which holds the split/);
    const empty = copy("celeba", "c9");
    rmSync(join(empty, "img_align_celeba"), { recursive: true });
    expect(await refusal(empty, { kind: "celeba" })).toMatch(/c9: no folder img_align_celeba; unpack/);
    expect(await refusal(at("celeba"), { labels: "x.csv" })).toMatch(/is read as celeba, which takes no labels file/);
  });
});

describe("CelebA-HQ", () => {
  test.each(["celebahq.h5", "celebahq_gzip.h5"])("%s: each resolution from its own data set", async (name) => {
    for (const resolution of [4, 8, 16, 32, 64]) {
      const source = await open(at(name), { resolution });
      expect(source).toMatchObject({ kind: "celebahq", notes: [] });
      expect(entriesOf(source)).toHaveLength(12);
      const images = (await contentsOf(source)) as RawImage[];
      const all = Buffer.concat(images.map(toPlanes));
      expect(sha256(all)).toBe(expected.hdf5.sha256[`data${resolution}x${resolution}`]);
      if (resolution === 64) {
        for (const [i, { pixels }] of images.entries())
          expectMeans(meanRgb(pixels), expected.hdf5.mean_rgb_64x64[i], 5.01e-4);
      }
    }
  });

  test("by default the largest resolution to 256; the pack holds its very pixels", async () => {
    const { pack } = await prepareDataset({ source: at("celebahq_gzip.h5"), out: join(folder, "hq.pack") });
    expect(pack).toMatchObject({ count: 12, resolution: 64, colour: "rgb" });
    expect(pack.names.at(11)).toBe("00011");
    const planes = toPlanes({ width: 64, height: 64, pixels: pack.readImages([5]) });
    const [image] = (await contentsOf(await open(at("celebahq.h5")), [5])) as RawImage[];
    expect(Buffer.compare(planes, toPlanes(image as RawImage))).toBe(0);
  });

  test("the lists beside it give split and attributes", async () => {
    const path = copy("celebahq.h5", "hq/celebahq.h5");
    const list = join(folder, "hq", "image_list.txt");
    const rows = Array.from({ length: 12 }, (_, i) => {
      const origin = i === 4 ? 182_637 : i === 5 ? 182_636 : i;
      return `${i} ${origin} ${String((i % 12) + 1).padStart(6, "0")}.jpg a b`;
    });
    writeFileSync(list, `idx orig_idx orig_file proc_md5 final_md5\n${rows.join("\n")}\n`);
    cpSync(at("celeba/list_attr_celeba.txt"), join(folder, "hq", "list_attr_celeba.txt"));
    const source = await open(path);
    // CelebA's test images are those from 182,637 on.
    expect(entriesOf(source).map(({ split }) => split)).toEqual(rows.map((_, i) => (i === 4 ? "test" : "train")));
    const { Bald, Smiling } = source.entry(0).labels ?? {};
    expect([Bald, Smiling]).toEqual([1, 1]);
    edit(list, (text) => text.split("\n").slice(0, 8).join("\n"));
    const other = await open(path);
    expect(other.entry(0)).toEqual({ name: "00000", labels: {} });
    expect(other.notes).toEqual([expect.stringMatching(/image_list\.txt lists 7 images, not 12, and was not used/)]);
    edit(list, (text) => text.replace("3 3 ", "7 3 "));
    expect(await refusal(path)).toMatch(/image_list\.txt: line 5 is not image 3 of CelebA-HQ/);
  });

  test("lists put beside it later are noticed, though the file is as it was", async () => {
    const path = copy("celebahq.h5", "hq later/celebahq.h5");
    const ensure = () => ensurePack(path, { cacheDir: join(folder, "hq cache"), resolution: 8 });
    const before = await ensure();
    expect([before.pack.labels, before.pack.splits.test?.length]).toEqual([[], 1]);
    expect((await ensure()).prepared).toBeUndefined();
    const rows = Array.from({ length: 12 }, (_, i) => {
      const origin = i < 3 ? 182_637 + i : i;
      return `${i} ${origin} ${String((i % 12) + 1).padStart(6, "0")}.jpg a b`;
    });
    writeFileSync(join(folder, "hq later", "image_list.txt"), `idx orig_idx orig_file\n${rows.join("\n")}\n`);
    expect((await ensure()).pack.splits.test).toEqual(Uint32Array.of(0, 1, 2));
    cpSync(at("celeba/list_attr_celeba.txt"), join(folder, "hq later", "list_attr_celeba.txt"));
    expect((await ensure()).pack.labels).toHaveLength(40);
    expect((await ensure()).prepared).toBeUndefined();
  });

  test("cut short, damaged, of another kind, or without the resolution", async () => {
    expect(await refusal(at("celebahq.h5"), { resolution: 128 })).toMatch(
      /celebahq\.h5: has no data128x128; it has 4, 8, 16, 32, 64: choose one with --resolution/,
    );
    const short = copy("celebahq.h5", "short.h5");
    cut(short, 0.5);
    expect(await refusal(short)).toMatch(/short\.h5: cannot be read: it is cut short; download or make it again/);
    const head = copy("celebahq.h5", "head.h5");
    cut(head, 0.0005);
    expect(await refusal(head)).toMatch(/head\.h5: cannot be read: it is (cut short|damaged, or not HDF5)/);
    const text = join(folder, "text.h5");
    writeFileSync(text, "hello");
    expect(await refusal(text)).toMatch(/text\.h5: neither a folder, a tar.*, CelebA-HQ's HDF5/);
    expect(await refusal(text, { kind: "celebahq" })).toMatch(/text\.h5: cannot be read: it is damaged, or not HDF5/);
  });
});

describe("LSUN", () => {
  test.each(["lsun_lmdb", "lsun_lmdb_many"])("%s: every value under its key, in order", async (name) => {
    const source = await open(at(name));
    expect(source.kind).toBe("lsun");
    const entries = expected[name].entries_in_key_order;
    expect(entriesOf(source).map((entry) => entry.name)).toEqual(entries.map(({ key }: { key: string }) => key));
    const contents = (await contentsOf(source)) as Buffer[];
    for (const [i, bytes] of contents.entries()) {
      expect(sha256(bytes)).toBe(entries[i].sha256);
      const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
      expect([info.width, info.height]).toEqual([entries[i].width, entries[i].height]);
      // WebP decoders may differ by 1.
      expectMeans(meanRgb(data), entries[i].mean_rgb, 1);
    }
    const some = (await contentsOf(source, [2, 7])) as Buffer[];
    expect(some.map(sha256)).toEqual([entries[2].sha256, entries[7].sha256]);
  });

  test("the folder's name is the split; several categories are classes", async () => {
    const one = await open(copy("lsun_lmdb", "bedroom_val_lmdb"));
    expect(one.entry(0)).toEqual({ name: expected.lsun_lmdb.entries_in_key_order[0].key, split: "val", labels: {} });
    const file = await open(join(folder, "bedroom_val_lmdb", "data.mdb"));
    expect(entriesOf(file)).toEqual(entriesOf(one));
    copy("lsun_lmdb", "lsun/bedroom_train_lmdb");
    copy("lsun_lmdb_many", "lsun/church_outdoor_train_lmdb");
    const two = await open(join(folder, "lsun"));
    expect(entriesOf(two)).toHaveLength(72);
    const { key } = expected.lsun_lmdb_many.entries_in_key_order[59];
    expect(two.entry(71)).toEqual({
      name: `church_outdoor_train_lmdb/${key}`,
      split: "train",
      labels: { class: "church_outdoor" },
    });
    const [last] = (await contentsOf(two, [71])) as Buffer[];
    expect(sha256(last as Buffer)).toBe(expected.lsun_lmdb_many.entries_in_key_order[59].sha256);
  });

  test("cut short, of another format, or no LMDB at all", async () => {
    const short = join(copy("lsun_lmdb", "short_lmdb"), "data.mdb");
    cut(short, 0.6);
    expect(await refusal(short)).toMatch(
      /data\.mdb: cut short or damaged: an entry lies at byte \d+ of 46694; download/,
    );
    cut(short, 0.001);
    expect(await refusal(short)).toMatch(/data\.mdb: cut short after 46 bytes; download it again/);
    const newer = join(copy("lsun_lmdb", "newer_lmdb"), "data.mdb");
    const bytes = readFileSync(newer);
    for (const page of [0, 4096]) bytes.writeUInt32LE(2, page + 20);
    writeFileSync(newer, bytes);
    expect(await refusal(newer)).toMatch(/data\.mdb: has LMDB data format 2; 1 is read, which LSUN's files have/);
    writeFileSync(newer, Buffer.alloc(9000, 1));
    expect(await refusal(newer)).toMatch(/data\.mdb: not an LMDB environment/);
    expect(await refusal(at("celeba"), { kind: "lsun" })).toMatch(/celeba: no data\.mdb in it or in the folders below/);
  });

  test("one damaged value is skipped by its key, and the rest kept", async () => {
    const path = copy("lsun_lmdb", "damaged_lmdb");
    const source = await open(path);
    const bytes = readFileSync(join(path, "data.mdb"));
    // Page headers of large values: the first one's number of pages becomes 0.
    const page = [...Array(bytes.length / 4096).keys()].find((i) => bytes.readUInt16LE(i * 4096 + 10) === 4) as number;
    bytes.writeUInt32LE(0, page * 4096 + 12);
    writeFileSync(join(path, "data.mdb"), bytes);
    expect(entriesOf(source)).toHaveLength(12);
    const { pack, skipped } = await prepareDataset({ source: path, out: join(folder, "damaged.pack"), resolution: 16 });
    expect(pack.count).toBe(11);
    expect(skipped).toEqual([
      { name: expect.stringMatching(/^[0-9a-f]{40}$/), reason: "is damaged: its page is not one of large values" },
    ]);
  });
});

describe("interrupted", () => {
  test.each([
    ["cifar-10-batches-py", 32],
    ["celebahq_gzip.h5", 16],
    ["lsun_lmdb_many", 16],
    ["celeba", 32],
  ])("%s goes on and ends as the same pack", async (name, resolution) => {
    const whole = await prepareDataset({ source: at(name), out: join(folder, `${name}-whole.pack`), resolution });
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }) => {
      if (done === 5) controller.abort();
    };
    const out = join(folder, `${name}-part.pack`);
    const options = { source: at(name), out, resolution };
    await expect(prepareDataset({ ...options, signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    const result = await prepareDataset(options);
    expect([result.resumedFrom, result.pack.id]).toEqual([5, whole.pack.id]);
  });
});

test("a kind that does not fit the path", async () => {
  expect(await refusal(at("celebahq.h5"), { kind: "folder" })).toMatch(
    /celebahq\.h5 is a file, and folder a folder; leave/,
  );
  expect(await refusal(at("celeba"), { kind: "tar" })).toMatch(
    /celeba is a folder, and tar a file; leave out --source/,
  );
  await expect(openSource("procedural:faces", 8, { kind: "tar" })).rejects.toThrow(ConfigError);
});
