import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { checkSpace } from "../../src/base/disk.ts";
import { ConfigError, DataError, PioneerError } from "../../src/base/errors.ts";
import { formatBytes } from "../../src/base/format.ts";
import { verifyPack } from "../../src/data/pack/pack.ts";
import { allIndices } from "../../src/data/pack/splits.ts";
import { type PrepareOptions, prepareDataset } from "../../src/data/prepare.ts";
import { writePng } from "../../src/pictures/png.ts";
import { bin, Pioneer } from "../support/cli.ts";
import { type Files, imageFolder, png, readFiles, repeat, writeFiles, writeTar, writeZip } from "./support.ts";

const folder = temporaryFolder();
const out = (name: string) => join(folder, `${name}.pack`);

/** Photos of one colour each, `colour(i)`. */
async function photos(
  name: string,
  count: number,
  colour: (i: number) => readonly [number, number, number],
  side = 16,
) {
  const files: Record<string, Buffer> = {};
  for (let i = 0; i < count; i++) files[`${String(i).padStart(3, "0")}.png`] = await png(side, side, colour(i));
  return writeFiles(join(folder, name), files);
}

async function refusal(options: PrepareOptions): Promise<PioneerError> {
  const error = await prepareDataset(options).then(
    () => new Error("prepared"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PioneerError);
  expect((error as Error).message.split("\n")).toHaveLength(1);
  return error as PioneerError;
}

/** What lies around a pack that is not finished. */
const leftOf = (name: string) =>
  readdirSync(folder)
    .filter((file) => file.startsWith(`${name}.pack`))
    .sort();

let grey: string;
beforeAll(async () => {
  grey = await photos("grey", 30, (i) => [8 * i, 8 * i, 8 * i]);
});

describe("a pack of a folder", () => {
  test("holds what can be read and names what cannot", async () => {
    const seen: number[] = [];
    const result = await prepareDataset({
      source: imageFolder,
      out: out("all"),
      resolution: 16,
      onProgress: ({ done, total, skipped }) => {
        expect(total).toBe(18);
        expect(skipped).toBeLessThanOrEqual(3);
        seen.push(done);
      },
    });
    expect(seen).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
    const { pack } = result;
    expect(pack).toMatchObject({ count: 15, resolution: 16, colour: "rgb", channels: 3, crop: "center", enlarged: 0 });
    expect(pack.skipped).toEqual([
      {
        name: "faces/color/truncated.jpg",
        reason: "cannot be decoded: its data are damaged or cut short",
      },
      { name: "faces/gray/empty.jpg", reason: "is empty (0 bytes)" },
      { name: "objects/text.png", reason: expect.stringMatching(/^cannot be decoded: .*unsupported image format/) },
    ]);
    expect(result.skipped).toEqual(pack.skipped);
    expect(pack.labels).toMatchObject([{ name: "class", kind: "category", categories: ["faces", "objects"] }]);
    expect(pack.notes).toEqual([
      "ignored: 1 file (.json 1), not images",
      "2 of 15 images looked at are of 16 bits where the others have 8, as depth maps are (first: objects/deep/gray16.png): look by dataset info --sheet; to leave them out, move them away and prepare the rest",
    ]);
    expect(pack.splits.test).toHaveLength(1);
    await verifyPack(pack.path);
    expect(leftOf("all")).toEqual(["all.pack"]);
  });

  test("of a tar has the same pixels", async () => {
    const files = Object.fromEntries(
      Object.entries(readFiles(imageFolder)).map(([name, bytes]) => [`t/${name}`, bytes]),
    );
    const tar = await writeTar(join(folder, "all.tar.gz"), files);
    const { pack } = await prepareDataset({ source: tar, out: out("tar"), resolution: 16 });
    const other = (await prepareDataset({ source: imageFolder, out: out("all2"), resolution: 16 })).pack;
    expect([...pack.names]).toEqual([...other.names]);
    const all = allIndices(pack.count);
    expect(pack.readImages(all)).toEqual(other.readImages(all));
  });

  test("packed again elsewhere is the same, byte for byte", async () => {
    mkdirSync(join(folder, "elsewhere"));
    const first = await prepareDataset({ source: grey, out: out("once"), resolution: 8 });
    const second = await prepareDataset({ source: grey, out: join(folder, "elsewhere", "b.pack"), resolution: 8 });
    expect(readFileSync(second.pack.path).equals(readFileSync(first.pack.path))).toBe(true);
  });
});

describe("colour", () => {
  test("all grey: one channel; rgb on demand", async () => {
    const { pack } = await prepareDataset({ source: grey, out: out("g"), resolution: 4 });
    expect(pack).toMatchObject({ channels: 1, colour: "grey", imageBytes: 16 });
    expect([...pack.readImages([3])]).toEqual(repeat(24, 16));
    const rgb = (await prepareDataset({ source: grey, out: out("g3"), resolution: 4, colour: "rgb" })).pack;
    expect(rgb).toMatchObject({ channels: 3, colour: "rgb" });
    expect([...rgb.readImages([3])]).toEqual(repeat(24, 48));
  });

  test("one colour image, however late, makes three channels of all; grey on demand", async () => {
    const mixed = await photos("mixed", 12, (i) => (i === 11 ? [200, 100, 50] : [i, i, i]));
    const { pack } = await prepareDataset({ source: mixed, out: out("m"), resolution: 4 });
    expect(pack).toMatchObject({ channels: 3, colour: "rgb", count: 12 });
    for (let i = 0; i < 11; i++) expect([...pack.readImages([i])]).toEqual(repeat(i, 48));
    expect([...pack.readImages([11])].slice(0, 3)).toEqual([200, 100, 50]);
    await verifyPack(pack.path);
    const forced = (await prepareDataset({ source: mixed, out: out("mg"), resolution: 4, colour: "grey" })).pack;
    expect(forced.readImages([11])[0]).toBe(Math.round(0.299 * 200 + 0.587 * 100 + 0.114 * 50));
  });
});

describe("resolution, crop, limit, labels", () => {
  test("the default is the largest power of two that the photos fill, at most 256", async () => {
    const choose = async (name: string, sides: readonly number[], options: Partial<PrepareOptions> = {}) => {
      const files: Record<string, Buffer> = {};
      for (const [i, side] of sides.entries()) files[`${i}.png`] = await png(side, side + 9, [i, i, i]);
      const source = writeFiles(join(folder, name), files);
      const { pack } = await prepareDataset({ source, out: out(name), ...options });
      return [pack.resolution, pack.enlarged];
    };
    expect(await choose("r1", [40, 70, 100])).toEqual([32, 0]);
    expect(await choose("r2", [300, 600])).toEqual([256, 0]);
    expect(await choose("r3", [3, 600])).toEqual([4, 1]);
    // One of forty may be smaller, and is counted.
    expect(await choose("r4", [20, ...repeat(64, 39)])).toEqual([64, 1]);
    expect(await choose("r5", [300, 600], { crop: "celeba" })).toEqual([128, 0]);
  });

  test("crop none skips what is not square", async () => {
    const source = writeFiles(join(folder, "square"), {
      "a.png": await png(9, 9, [1, 2, 3]),
      "b.png": await png(9, 8, [1, 2, 3]),
    });
    const { pack, skipped } = await prepareDataset({ source, out: out("square"), resolution: 8, crop: "none" });
    expect([...pack.names]).toEqual(["a.png"]);
    expect(skipped).toEqual([{ name: "b.png", reason: "is 9x8, not square; crop it, or use crop center" }]);
  });

  test("limit takes some, by the seed, in the source's order", async () => {
    const names = async (seed: number) =>
      (await prepareDataset({ source: grey, out: out(`limit${seed}`), resolution: 4, limit: 7, seed })).pack.names;
    const [a, b] = [[...(await names(0))], [...(await names(1))]];
    expect(a).toHaveLength(7);
    expect(a).toEqual(a.toSorted());
    expect(b).not.toEqual(a);
  });

  test("labels and splits follow the images past the skipped ones", async () => {
    const files: Files = {
      "a.png": await png(8, 8, [1, 1, 1]),
      "b.png": "broken",
      "c.png": await png(8, 8, [3, 3, 3]),
      "labels.csv": "file,split,age,mood\na.png,train,1,x\nb.png,train,2,y\nc.png,test,3,z\n",
    };
    const source = writeFiles(join(folder, "labelled"), files);
    const { pack } = await prepareDataset({ source, out: out("labelled"), resolution: 8 });
    expect([...pack.names]).toEqual(["a.png", "c.png"]);
    expect(pack.splits).toEqual({ train: Uint32Array.of(0), test: Uint32Array.of(1) });
    expect(pack.labels).toMatchObject([
      { name: "age", values: Float64Array.of(1, 3) },
      { name: "mood", categories: ["x", "z"], codes: Int32Array.of(0, 1) },
    ]);
  });

  test("procedural faces carry their parameters", async () => {
    const { pack } = await prepareDataset({
      source: "procedural:faces",
      out: out("faces"),
      resolution: 8,
      count: 120,
      seed: 3,
    });
    expect(pack).toMatchObject({
      count: 120,
      resolution: 8,
      colour: "rgb",
      source: { kind: "procedural", name: "faces" },
    });
    expect(pack.labels).toHaveLength(27);
    expect(pack.splits.test).toHaveLength(2);
  });

  test("portraits are a source of their own, whose faces do not lean", async () => {
    const made = (source: string) =>
      prepareDataset({ source, out: out(`${source.slice(11)}-of-5`), resolution: 8, count: 5 });
    const [portraits, faces] = [(await made("procedural:portraits")).pack, (await made("procedural:faces")).pack];
    expect(portraits.source).toMatchObject({ kind: "procedural", name: "portraits" });
    const of = ({ labels }: typeof faces, name: string) => labels.find((label) => label.name === name);
    expect(of(portraits, "tilt")).toMatchObject({ values: new Float64Array(5) });
    expect(of(portraits, "smile")).toEqual(of(faces, "smile"));
    expect(portraits.id).not.toBe(faces.id);
  });
});

describe("what cannot be prepared is refused in one line, and nothing stays", () => {
  test("an empty folder; one without images", async () => {
    const empty = writeFiles(join(folder, "empty"), {});
    const error = await refusal({ source: empty, out: out("e") });
    expect(error).toBeInstanceOf(DataError);
    expect(error.exitCode).toBe(1);
    expect(error.message).toBe(`${empty}: no images found; put jpg, png, webp, avif, tiff or gif files there`);
    const texts = writeFiles(join(folder, "texts"), { "a.txt": "x", "b.doc": "y" });
    expect((await refusal({ source: texts, out: out("e") })).message).toMatch(
      /no images found.*\(ignored: 2 files \(\.txt 1, \.doc 1\), not images\)$/,
    );
    expect(leftOf("e")).toEqual([]);
  });

  test("all broken", async () => {
    const source = writeFiles(join(folder, "broken"), { "a.png": "no", "b.jpg": "" });
    expect((await refusal({ source, out: out("broken") })).message).toMatch(
      /broken: none of its 2 images can be used; the first, a\.png, cannot be decoded: /,
    );
    expect(leftOf("broken")).toEqual([]);
  });

  test("wrong options", async () => {
    for (const resolution of [0, 2, 48, 2048, 64.5, Number.NaN]) {
      const error = await refusal({ source: grey, out: out("w"), resolution });
      expect(error).toBeInstanceOf(ConfigError);
      expect(error.message).toBe(`resolution: expected a power of two from 4 to 1024, got ${resolution}`);
    }
    expect((await refusal({ source: grey, out: out("w"), limit: 0 })).message).toMatch(/^limit: .* got 0$/);
    expect((await refusal({ source: grey, out: out("w"), seed: 0.5 })).message).toMatch(/^seed: .* got 0\.5$/);
    expect((await refusal({ source: grey, out: out("w"), count: 5 })).exitCode).toBe(2);
    expect(leftOf("w")).toEqual([]);
  });

  test("an existing pack stays unless --force; a folder is no pack", async () => {
    await prepareDataset({ source: grey, out: out("keep"), resolution: 4 });
    const before = readFileSync(out("keep"));
    expect((await refusal({ source: imageFolder, out: out("keep") })).message).toMatch(
      /keep\.pack exists; choose another name, or replace it with --force$/,
    );
    expect(readFileSync(out("keep")).equals(before)).toBe(true);
    const { pack } = await prepareDataset({ source: imageFolder, out: out("keep"), resolution: 8, force: true });
    expect(pack.resolution).toBe(8);
    expect((await refusal({ source: grey, out: folder, force: true })).message).toMatch(
      /is a folder; give the pack a file name/,
    );
  });

  test("pictures that this program wrote are left out, and said", async () => {
    const source = await photos("with-ours", 6, (i) => [40 * i, 0, 0]);
    const alone = (await prepareDataset({ source, out: out("alone"), resolution: 16 })).pack;
    const image = { pixels: new Uint8Array(64 * 64 * 3), width: 64, height: 64 };
    for (const name of ["samples/sample-0.png", "samples/sample-1.png"]) await writePng(join(source, name), image);
    const { pack, skipped, notes } = await prepareDataset({ source, out: out("with-ours"), resolution: 16 });
    expect([...pack.names]).toEqual([...alone.names]);
    expect(pack.imagesId).toBe(alone.imagesId); // a run on the photos alone can go on and grow
    expect(skipped.map(({ name }) => name)).toEqual(["samples/sample-0.png", "samples/sample-1.png"]);
    expect(notes).toEqual(["left out: 2 of the pictures, which this program wrote (first: samples/sample-0.png)"]);
    const ours = await refusal({ source: join(source, "samples"), out: out("ours"), resolution: 16 });
    expect(ours.message).toContain("sample-0.png, is a picture that this program wrote, no photo");
  });

  test("--force replaces packs only, and never what is packed", async () => {
    const photo = await png(16, 16, [200, 20, 20]);
    const files = { "a.png": photo, "b.png": photo };
    const tar = await writeTar(join(folder, "photos.tar"), files);
    const zip = writeZip(join(folder, "photos.zip"), files);
    const jpeg = join(folder, "photo.jpg");
    writeFileSync(jpeg, await sharp(photo).jpeg().toBuffer());
    const text = join(folder, "notes.txt");
    writeFileSync(text, "mine");
    const mend = "give the pack another name, for instance faces.pack";
    for (const [source, target, what] of [
      [tar, tar, "what is to be packed: "],
      [tar, zip, "a zip archive, not a pack, and --force replaces packs only: "],
      [zip, tar, "a tar archive, not a pack, and --force replaces packs only: "],
      [zip, jpeg, "a JPEG picture, not a pack, and --force replaces packs only: "],
      [zip, text, "another file, not a pack, and --force replaces packs only: "],
    ] as const) {
      const before = readFileSync(target);
      for (const force of [true, false]) {
        const { message } = await refusal({ source, out: target, resolution: 8, force });
        expect(message).toBe(`${target} is ${what}${mend}`);
      }
      expect(readFileSync(target).equals(before)).toBe(true);
    }
    const empty = out("empty");
    writeFileSync(empty, "");
    expect((await prepareDataset({ source: zip, out: empty, resolution: 8, force: true })).pack.count).toBe(2);
    expect((await refusal({ source: empty, out: empty, force: true })).message).toContain("what is to be packed");
  });

  test("a place that cannot be written", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "x");
    expect((await refusal({ source: grey, out: join(file, "x.pack") })).message).toMatch(
      /file: a file of this name is in the way; choose another folder$/,
    );
    if (process.platform === "linux") {
      expect((await refusal({ source: grey, out: "/proc/x.pack" })).message).toMatch(/^\/proc\/x\.pack: .+; /);
    }
  });

  test("a disk that refuses to go on: one line, and the next call goes on", async () => {
    // 30 images of 128x128, and no file above 8 KiB.
    const args = ["dataset", "prepare", grey, out("full"), "--resolution", "128"];
    const command = ["sh", "-c", 'ulimit -f 16; exec "$@"', "sh", process.execPath, bin];
    const { code, stderr } = await new Pioneer(folder, args, {}, command).end;
    expect(stderr).toBe(
      `pioneer: ${out("full")}: the file is larger than this file system or user limit allows; choose another folder\n`,
    );
    expect(code).toBe(1);
    expect(existsSync(out("full"))).toBe(false);
    expect((await prepareDataset({ source: grey, out: out("full"), resolution: 128 })).pack.count).toBe(30);
  });

  test("files beside the pack that are links: replaced, and what they point at stays", async () => {
    const mine = join(folder, "mine.txt");
    writeFileSync(mine, "mine");
    for (const beside of [".part", ".part.journal", ".part-rgb"]) symlinkSync(mine, `${out("linked")}${beside}`);
    expect((await prepareDataset({ source: grey, out: out("linked"), resolution: 4 })).pack.count).toBe(30);
    expect(readFileSync(mine, "utf8")).toBe("mine");
    expect(leftOf("linked")).toEqual(["linked.pack"]);
    rmSync(mine);
  });

  test("a pipe beside the pack is not waited for", async () => {
    execFileSync("mkfifo", [`${out("piped")}.part.journal`]);
    expect((await prepareDataset({ source: grey, out: out("piped"), resolution: 4 })).pack.count).toBe(30);
    expect(leftOf("piped")).toEqual(["piped.pack"]);
    execFileSync("mkfifo", [`${out("owned")}.lock`]);
    expect((await refusal({ source: grey, out: out("owned") })).message).toMatch(
      /is being written by process \(unknown\); wait for it, or delete .*owned\.pack\.lock if it has ended$/,
    );
    rmSync(`${out("owned")}.lock`);
  });

  test("too little space is told before anything is written", async () => {
    await expect(checkSpace(out("space"), 2 ** 60)).rejects.toThrow(
      /space\.pack: needs 1024\.0 PiB, but only .+ are free; choose another disk, a lower resolution or fewer images/,
    );
    await checkSpace(out("space"), 1);
    expect([formatBytes(512), formatBytes(1536), formatBytes(3 * 2 ** 30)]).toEqual([
      "512 bytes",
      "1.5 KiB",
      "3.0 GiB",
    ]);
  });

  test("a pack that another process is writing; the lock of one that has ended is taken over", async () => {
    const lock = `${out("locked")}.lock`;
    writeFileSync(lock, `${process.ppid} ${hostname()}`);
    expect((await refusal({ source: grey, out: out("locked") })).message).toMatch(
      /is being written by process \d+ .*; wait for it, or delete/,
    );
    writeFileSync(lock, `999999999 ${hostname()}`);
    expect((await prepareDataset({ source: grey, out: out("locked"), resolution: 4 })).pack.count).toBe(30);
    expect(leftOf("locked")).toEqual(["locked.pack"]);
  });
});

describe("while the source is read", () => {
  // Four a core are read ahead; the last of these are not yet when the first are done.
  const count = 4 * availableParallelism() + 40;

  test("its folder goes away: what is done is kept, and with the folder back the next call goes on", async () => {
    const source = await photos("mounted", count, (i) => [i, i, i]);
    const whole = await prepareDataset({ source, out: out("mounted whole"), resolution: 8 });
    const onProgress = ({ done }: { done: number }) => {
      if (done === 10) renameSync(source, `${source} away`);
    };
    const error = await refusal({ source, out: out("mounted"), resolution: 8, onProgress });
    expect(error.exitCode).toBe(1);
    expect(error.message).toMatch(
      /mounted: \d{3}\.png cannot be read \(ENOENT: no such file or directory\); check that its disk is there and whole, then run the same command again: it goes on from there$/,
    );
    expect(leftOf("mounted")).toEqual(["mounted.pack.part", "mounted.pack.part.journal"]);
    renameSync(`${source} away`, source);
    const { resumedFrom, pack, skipped } = await prepareDataset({ source, out: out("mounted"), resolution: 8 });
    expect(resumedFrom).toBeGreaterThanOrEqual(10);
    expect([pack.id, skipped]).toEqual([whole.pack.id, []]);
  });

  test("one file goes, or becomes a folder: it is skipped", async () => {
    const source = await photos("going", count, (i) => [i, i, i]);
    const [gone = "", folder = ""] = readdirSync(source).sort().slice(-2);
    const onProgress = ({ done }: { done: number }) => {
      if (done !== 1) return;
      rmSync(join(source, gone));
      rmSync(join(source, folder));
      mkdirSync(join(source, folder));
    };
    const { pack, skipped } = await prepareDataset({ source, out: out("going"), resolution: 8, onProgress });
    expect(pack.count).toBe(count - 2);
    expect(skipped).toEqual([
      { name: gone, reason: "is gone since the folder was listed" },
      { name: folder, reason: "is a folder now" },
    ]);
  });

  // Reading a process's memory at address 0 is an I/O error, as of a disk that fails.
  test.runIf(existsSync("/proc/self/mem"))("an I/O error is none of the image's", async () => {
    const source = await photos("failing", 3, (i) => [i, i, i]);
    symlinkSync("/proc/self/mem", join(source, "001a.png"));
    for (const resolution of [undefined, 8]) {
      const error = await refusal({ source, out: out("failing"), resolution });
      expect(error.message).toMatch(/failing: 001a\.png cannot be read \(EIO: i\/o error\); check that its disk/);
    }
    expect(existsSync(out("failing"))).toBe(false);
  });
});

describe("interrupted", () => {
  test("by a signal: 130, what was done is kept, the next call goes on, and the pack is the same", async () => {
    const source = await photos("long", 40, (i) => [i, i, i === 25 ? 0 : i]);
    const whole = (await prepareDataset({ source, out: out("whole"), resolution: 8 })).pack;
    // Before and after the colour image, and more than once.
    for (const stops of [[4], [12, 30], [26]]) {
      const name = `stopped-${stops.join("-")}`;
      let before = 0;
      for (const stop of stops) {
        const controller = new AbortController();
        const onProgress = ({ done }: { done: number }) => {
          if (done === stop) controller.abort();
        };
        const error = await refusal({ source, out: out(name), resolution: 8, signal: controller.signal, onProgress });
        expect(error.code).toBe("INTERRUPTED");
        expect(error.exitCode).toBe(130);
        expect(error.message).toBe(`stopped after ${stop} of 40 images; the same command goes on from there`);
        expect(leftOf(name)).toEqual([`${name}.pack.part`, `${name}.pack.part.journal`]);
        before = stop;
      }
      const result = await prepareDataset({ source, out: out(name), resolution: 8 });
      expect(result.resumedFrom).toBe(before);
      expect(readFileSync(out(name)).equals(readFileSync(whole.path))).toBe(true);
      expect(leftOf(name)).toEqual([`${name}.pack`]);
    }
  });

  test("killed at any moment: what the journal does not promise is made again", async () => {
    // 16 images of 3 MiB at 1024: the journal has its first state after 11 of them.
    const source = await photos("large", 16, (i) => [i, 2 * i, 255 - i]);
    const files = [".part", ".part.journal"];
    const copies: number[] = [];
    const whole = await prepareDataset({
      source,
      out: out("kill"),
      resolution: 1024,
      onProgress: ({ done }) => {
        if (done !== 3 && done !== 13) return;
        for (const file of files) copyFileSync(out("kill") + file, out(`killed-${done}`) + file);
        copies.push(done);
      },
    });
    expect(copies).toEqual([3, 13]);
    writeFileSync(`${out("killed-13")}.part.journal`, '{"next":14,"chan', { flag: "a" });
    const early = await prepareDataset({ source, out: out("killed-3"), resolution: 1024 });
    const late = await prepareDataset({ source, out: out("killed-13"), resolution: 1024 });
    expect(early.resumedFrom).toBe(0);
    expect(late.resumedFrom).toBeGreaterThan(0);
    expect(late.resumedFrom).toBeLessThan(13);
    expect([early.pack.id, late.pack.id]).toEqual([whole.pack.id, whole.pack.id]);
    await verifyPack(late.pack.path);
  });

  // Every byte but the line break is there; half of the line; bytes that the disk got the place of but not the content.
  test.each([
    ["its line break", (line: string) => line],
    ["half of it", (line: string) => line.slice(0, line.length / 2)],
    ["its content", (line: string) => `${"\0".repeat(line.length)}\n`],
  ])("the journal's last line lacks %s: the states after it count all the same", async (lack, broken) => {
    const source = await photos(`torn ${lack}`, 30, (i) => [i, i, i]);
    const name = `torn-${lack.replaceAll(" ", "-")}`;
    const stopAt = async (stop: number) => {
      const controller = new AbortController();
      const onProgress = ({ done }: { done: number }) => {
        if (done === stop) controller.abort();
      };
      await refusal({ source, out: out(name), resolution: 8, signal: controller.signal, onProgress });
    };
    await stopAt(10);
    const journal = `${out(name)}.part.journal`;
    const last = readFileSync(journal, "utf8").trimEnd().split("\n").at(-1) as string;
    writeFileSync(journal, broken(last.replace('"next":10,', '"next":11,')), { flag: "a" });
    await stopAt(20);
    const { resumedFrom, pack } = await prepareDataset({ source, out: out(name), resolution: 8 });
    expect([resumedFrom, pack.count]).toEqual([20, 30]);
    await verifyPack(pack.path);
  });

  test("other options, or a source that has changed, start over", async () => {
    const source = await photos("changing", 20, (i) => [i, i, i]);
    const stop = async (name: string) => {
      const controller = new AbortController();
      const onProgress = ({ done }: { done: number }) => {
        if (done === 10) controller.abort();
      };
      await refusal({ source, out: out(name), resolution: 8, signal: controller.signal, onProgress });
    };
    await stop("other");
    expect((await prepareDataset({ source, out: out("other"), resolution: 4 })).resumedFrom).toBe(0);
    await stop("changed");
    writeFileSync(join(source, "new.png"), await png(16, 16, [9, 9, 9]));
    const { resumedFrom, pack } = await prepareDataset({ source, out: out("changed"), resolution: 8 });
    expect([resumedFrom, pack.count]).toEqual([0, 21]);
    await stop("lost");
    rmSync(`${out("lost")}.part`);
    expect((await prepareDataset({ source, out: out("lost"), resolution: 8 })).pack.count).toBe(21);
  });
});
