import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { ConfigError, DataError } from "../../../src/base/errors.ts";
import { allIndices } from "../../../src/data/pack/splits.ts";
import { prepareDataset } from "../../../src/data/prepare.ts";
import { openSource } from "../../../src/data/sources/open.ts";
import type { Source } from "../../../src/data/sources/source.ts";
import { entriesOf, type Files, imageFolder, png, readFiles, writeFiles, writeTar, writeZip } from "../support.ts";

const folder = temporaryFolder();
let image: Buffer;
beforeAll(async () => {
  image = await png(8, 8, [10, 20, 30]);
});

const opened: Source[] = [];
afterAll(async () => {
  for (const source of opened) await source.close();
});

async function open(path: string, labels?: string): Promise<Source> {
  const source = await openSource(path, 8, { labels });
  opened.push(source);
  return source;
}
const refusal = async (source: string, labels?: string) =>
  await open(source, labels).then(
    () => "opened",
    (error: unknown) => {
      expect(error).toBeInstanceOf(DataError);
      expect((error as Error).message.split("\n")).toHaveLength(1);
      return (error as Error).message;
    },
  );
const namesOf = (source: Source) => entriesOf(source).map(({ name }) => name);

/** Contents of all entries, read several at once. */
async function contentsOf(source: Source): Promise<Buffer[]> {
  const reads: Promise<unknown>[] = [];
  for await (const content of source.contents(allIndices(source.count))) reads.push(content.read());
  return (await Promise.all(reads)) as Buffer[];
}

describe("folder, tar, tar.gz and zip", () => {
  test("hold the same images, with the same labels", async () => {
    const files = readFiles(imageFolder);
    const inside = Object.fromEntries(Object.entries(files).map(([name, content]) => [`top/${name}`, content]));
    const sources = [
      await open(imageFolder),
      await open(await writeTar(join(folder, "same.tar"), inside)),
      await open(await writeTar(join(folder, "same.tar.gz"), inside)),
      await open(writeZip(join(folder, "same.zip"), inside)),
    ];
    expect(sources.map(({ kind }) => kind)).toEqual(["folder", "tar", "tar", "zip"]);
    const [first] = sources as [Source];
    expect(entriesOf(first)).toHaveLength(18);
    expect(namesOf(first)).toContain("faces/unicode names/Ää 日本 photo № 1.jpg");
    expect(first.entry(0)).toEqual({ name: "faces/color/UPPER.JPG", labels: { class: "faces" } });
    for (const source of sources) {
      expect(entriesOf(source)).toEqual(entriesOf(first));
      const contents = await contentsOf(source);
      entriesOf(source).forEach(({ name }, i) => {
        expect(contents[i]?.equals(files[name] as Buffer)).toBe(true);
      });
      expect(source.notes).toEqual(["ignored: 1 file (.json 1), not images"]);
    }
  });

  test("of several files with one name in an archive, the last counts", async () => {
    const files = [
      ["x/a.png", "first"],
      ["x/c.png", "other"],
      ["x/a.png", "second"],
    ] as const;
    const paths = [
      await writeTar(join(folder, "twice.tar"), files),
      await writeTar(join(folder, "twice.tgz"), files),
      writeZip(join(folder, "twice.zip"), files),
    ];
    for (const path of paths) {
      const source = await open(path);
      expect(namesOf(source)).toEqual(["c.png", "a.png"]);
      expect((await contentsOf(source)).map(String)).toEqual(["other", "second"]);
    }
  });

  test("some of the entries, from a stream too", async () => {
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}.png`, Buffer.from(`image ${i}`)]));
    const source = await open(await writeTar(join(folder, "nine.tgz"), files));
    const found: string[] = [];
    for await (const content of source.contents([1, 4, 8])) {
      found.push(`${content.index}: ${((await content.read()) as Buffer).toString()}`);
    }
    expect(found).toEqual(["1: image 1", "4: image 4", "8: image 8"]);
  });
});

describe("what is in a folder", () => {
  test("hidden files, archives' extras and other files are passed over; links are followed once", async () => {
    const path = writeFiles(join(folder, "mixed"), {
      "b.png": image,
      "a/2.PNG": image,
      "a/10.png": image,
      ".hidden.png": image,
      ".git/x.png": image,
      "__MACOSX/b.png": image,
      "._b.png": image,
      "notes.txt": "x",
      "raw.heic": "x",
    });
    symlinkSync(path, join(path, "loop"));
    symlinkSync(join(path, "nowhere.png"), join(path, "dangling.png"));
    const source = await open(path);
    expect(namesOf(source)).toEqual(["a/10.png", "a/2.PNG", "b.png"]);
    expect(source.notes).toEqual([
      "ignored: 1 file (.txt 1), not images",
      "ignored: 1 file (.heic 1), images of kinds that are not read; convert them to png or jpg, for instance with `mogrify -format png`",
    ]);
  });

  // Other file systems than Linux's refuse such names.
  test.runIf(process.platform === "linux")("names that are not UTF-8: read by their bytes, shown as text", async () => {
    const path = writeFiles(join(folder, "bytes"), { "caf\\xE9.png": "literal", "z.png": "z", "\uFFFD.png": "mark" });
    const below = (name: string) => Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name, "latin1")]);
    writeFileSync(below("caf\xe9.png"), "E9");
    writeFileSync(below("caf\xe8.png"), "E8");
    mkdirSync(below("\xe4\xfc"));
    writeFileSync(below("\xe4\xfc/a.png"), "a");
    writeFileSync(below("\xe4\xfc/\xc3\xa4\xff.png"), "b");
    const source = await open(path);
    const contents = (await contentsOf(source)).map(String);
    expect(Object.fromEntries(namesOf(source).map((name, i) => [name, contents[i]]))).toEqual({
      "\\xE4\\xFC/a.png": "a",
      "\\xE4\\xFC/ä\\xFF.png": "b",
      "\\caf\\xE9.png": "E9",
      "caf\\xE8.png": "E8",
      "caf\\xE9.png": "literal",
      "z.png": "z",
      "\uFFFD.png": "mark",
    });
    expect(namesOf(source)).toEqual(namesOf(source).toSorted());
    expect(source.notes).toEqual([
      "4 files have names that are not UTF-8: \\xHH stands for a byte (first: \\caf\\xE9.png)",
    ]);
  });

  test("what cannot be looked at is named with its reason", async () => {
    const path = writeFiles(join(folder, "unreadable"), { "a.png": image });
    symlinkSync("b.png", join(path, "b.png"));
    const source = await open(path);
    expect([namesOf(source), source.skipped]).toEqual([
      ["a.png"],
      [{ name: "b.png", reason: "is a link that leads to itself" }],
    ]);
    const { pack, skipped } = await prepareDataset({ source: path, out: join(folder, "unreadable.pack") });
    expect([[...pack.names], pack.skipped]).toEqual([["a.png"], source.skipped]);
    expect(skipped).toEqual(source.skipped);
  });

  test("the digest follows names, sizes and labels", async () => {
    const path = writeFiles(join(folder, "digest"), { "a.png": image });
    const digest = async () => (await open(path)).digest;
    const before = await digest();
    expect(await digest()).toBe(before);
    writeFileSync(join(path, "labels.csv"), "file,age\na.png,3\n");
    const labelled = await digest();
    expect(labelled).not.toBe(before);
    writeFileSync(join(path, "b.png"), image);
    expect(await digest()).not.toBe(labelled);
  });

  test("train/ and test/ are splits, folders below them classes", async () => {
    const source = await open(
      writeFiles(join(folder, "splits"), {
        "Train/cat/1.png": image,
        "Train/dog/1.png": image,
        "val/cat/2.png": image,
      }),
    );
    expect(entriesOf(source)).toEqual([
      { name: "Train/cat/1.png", split: "train", labels: { class: "cat" } },
      { name: "Train/dog/1.png", split: "train", labels: { class: "dog" } },
      { name: "val/cat/2.png", split: "val", labels: { class: "cat" } },
    ]);
    const one = await open(
      writeFiles(join(folder, "one-class"), { "train/2019/1.png": image, "test/2019/1.png": image }),
    );
    expect(entriesOf(one).map(({ labels }) => labels)).toEqual([{}, {}]);
  });

  test("an archive that holds only train/ keeps that as a split", async () => {
    const source = await open(
      await writeTar(join(folder, "train.tar"), { "train/a.png": image, "train/b.png": image }),
    );
    expect(source.entry(0)).toMatchObject({ name: "train/a.png", split: "train" });
  });
});

describe("labels", () => {
  const photos: Files = { "train/1.png": "x", "train/2.png": "x", "test/1.png": "x", "ünï.png": "x" };
  const csv =
    "file,split,age,mood\ntrain/1.png,train,30,happy\n2.png,,31,\ntest/1.png,TEST,,sad\nu\u0308ni\u0308.png,val,4,sad\n";

  test("inside the source, by path or by a name that only one image has; the CSV outranks folders", async () => {
    const source = await open(writeFiles(join(folder, "labelled"), { ...photos, "labels.csv": csv }));
    expect(entriesOf(source)).toEqual([
      { name: "test/1.png", split: "test", labels: { age: "", mood: "sad" } },
      { name: "train/1.png", split: "train", labels: { age: "30", mood: "happy" } },
      { name: "train/2.png", split: "train", labels: { age: "31", mood: "" } },
      { name: "ünï.png", split: "val", labels: { age: "4", mood: "sad" } },
    ]);
    expect(source.notes).toEqual([]);
  });

  test("last in a tar, beside a folder, or given; names may begin with the source's own", async () => {
    const rows = "file,age\nset/train/1.png,7\nset/train/2.png,8\n";
    const inTar = await open(
      await writeTar(join(folder, "last.tar"), { "set/train/1.png": "x", "set/labels.csv": rows }),
    );
    expect(inTar.entry(0).labels).toEqual({ age: "7" });
    expect(inTar.notes).toEqual([expect.stringMatching(/labels\.csv: 1 of 2 rows name no image$/)]);

    const set = writeFiles(join(folder, "beside", "set"), photos);
    writeFileSync(join(folder, "beside", "labels.csv"), rows);
    const beside = await open(set);
    expect(entriesOf(beside).find(({ name }) => name === "train/2.png")?.labels).toEqual({ age: "8" });
    expect(beside.notes).toEqual([expect.stringMatching(/labels\.csv: 2 of 4 images have no row$/)]);

    const given = join(folder, "given.csv");
    writeFileSync(given, "\ufefffile;size\r\ntrain/1.png;1,5\r\n");
    const source = await open(set, given);
    expect(entriesOf(source).find(({ name }) => name === "train/1.png")?.labels).toEqual({ size: "1,5" });
  });

  test("one beside the source that fits nothing is only mentioned, one inside or given is refused", async () => {
    const set = writeFiles(join(folder, "stranger", "set"), photos);
    writeFileSync(join(folder, "stranger", "labels.csv"), "file,age\nelsewhere.png,1\n");
    expect((await open(set)).notes).toEqual([expect.stringMatching(/names none of the images and was not used/)]);
    expect(await refusal(set, join(folder, "stranger", "labels.csv"))).toMatch(
      /none of its 1 rows names an image \(first: elsewhere\.png\); the first column is/,
    );
    expect(await refusal(set, join(folder, "missing.csv"))).toMatch(/missing\.csv: no such file or folder/);
  });

  test("a broken CSV is refused with the line", async () => {
    const set = writeFiles(join(folder, "broken-csv"), photos);
    const given = (text: string) => {
      const path = join(folder, "broken.csv");
      writeFileSync(path, text);
      return refusal(set, path);
    };
    expect(await given("file,age\ntrain/1.png,1,2\n")).toMatch(/not a CSV with one line a file: .*line 2/);
    expect(await given("file\ntrain/1.png\n")).toMatch(/needs a file column and at least one more, got "file"/);
    expect(await given("file,age,age\n")).toMatch(/column age twice/);
    expect(await given("file,age\ntrain/1.png,1\ntrain/1.png,2\n")).toMatch(/two different rows for train\/1\.png/);
    expect(await given("")).toMatch(/needs a file column/);
  });
});

describe("what is no source is refused in one line", () => {
  test("missing, a text, a pack, an unknown procedural one", async () => {
    const text = join(folder, "text.txt");
    writeFileSync(text, "hello");
    const pack = join(folder, "a.pack");
    writeFileSync(pack, "PIONPACK...");
    expect(await refusal(join(folder, "nowhere"))).toMatch(/nowhere: no such file or folder; check the path/);
    expect(await refusal(text)).toMatch(
      /text\.txt: neither a folder, a tar, tar\.gz or zip of images, CelebA-HQ's HDF5, an LMDB environment of LSUN, nor/,
    );
    expect(await refusal(pack)).toMatch(/a\.pack is a pack already; give it to train --data/);
    expect(await refusal("procedural:cats")).toBe(
      "procedural:cats: unknown; there are procedural:faces and procedural:portraits",
    );
    expect(await refusal("procedural:faces", text)).toMatch(/has labels of its own; leave out --labels/);
    mkdirSync(join(folder, "nothing"));
    await expect(openSource(join(folder, "nothing"), 8, { count: 5 })).rejects.toThrow(ConfigError);
  });

  test("archives cut short", async () => {
    const files = { "a.png": Buffer.alloc(3000, 1), "b.png": Buffer.alloc(3000, 2) };
    const whole = [
      await writeTar(join(folder, "cut.tar"), files),
      await writeTar(join(folder, "cut.tar.gz"), {
        ...files,
        "c.png": Buffer.from(Array.from({ length: 9000 }, Math.random)),
      }),
      writeZip(join(folder, "cut.zip"), files),
    ];
    for (const path of whole) {
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * 0.4)));
      expect(await refusal(path)).toMatch(
        /cut\.(tar|tar\.gz|zip): cannot be read as a (tar|zip) archive: .+; download or make it again/,
      );
    }
  });
});

test("a zip that points at a place no file has is refused, and the process lives", async () => {
  const path = writeZip(join(folder, "far.zip"), { "a.png": image });
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf("PK\x05\x06", undefined, "latin1");
  // What a zip64 has before its end: where to look for the rest.
  const locator = Buffer.from("PK\x06\x07".padEnd(20, "\0"), "latin1");
  locator.writeBigUInt64LE(2n ** 63n, 8);
  writeFileSync(path, Buffer.concat([bytes.subarray(0, end), locator, bytes.subarray(end)]));
  expect(await refusal(path)).toMatch(
    /far\.zip: cannot be read as a zip archive: it points at byte 92233720368547\d+, the file has \d+; download/,
  );
});
