import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { DataError } from "../../../src/base/errors.ts";
import {
  type CategoryLabel,
  isPack,
  type NumberLabel,
  openPack,
  type Pack,
  verifyPack,
} from "../../../src/data/pack/pack.ts";
import { PackWriter } from "../../../src/data/pack/writer.ts";
import { repeat } from "../support.ts";

const folder = temporaryFolder();
const path = join(folder, "five.pack");
const [count, side] = [5, 4];
const imageOf = (index: number) => Uint8Array.from({ length: side * side * 3 }, (_, i) => (index * 50 + i) % 256);

beforeAll(async () => {
  const writer = await PackWriter.open(path, side, { channels: 3, count: 0, sha256: [] });
  for (let i = 0; i < count; i++) await writer.append(imageOf(i));
  await writer.finish({
    crop: "center",
    source: { kind: "folder", name: "five", options: {} },
    columns: [
      { name: "age", kind: "number" },
      { name: "mood", kind: "category", categories: ["calm", "wild"] },
    ],
    rows: [
      { age: 1, mood: "calm" },
      { age: "2.5", mood: "wild" },
      { age: "" },
      { age: 4, mood: "calm" },
      { age: 5, mood: "wild" },
    ],
    splits: { names: ["train", "test"], codes: Int32Array.of(0, 1, 0, 1, 0) },
    names: ["a.png", "b.png", "c.png", "d.png", "日本.png"],
    skipped: [{ name: "broken.png", reason: "is empty (0 bytes)" }],
    enlarged: 2,
    notes: [],
  });
});

/** A copy of the pack, changed. */
function altered(name: string, change: (bytes: Buffer) => Buffer): string {
  const copy = join(folder, name);
  writeFileSync(copy, change(readFileSync(path)));
  return copy;
}

describe("a pack", () => {
  test("is a page of prefix, pixels as they are, blocks, and a JSON header", () => {
    const bytes = readFileSync(path);
    const pixelBytes = count * side * side * 3;
    expect(bytes.toString("latin1", 0, 8)).toBe("PIONPACK");
    expect(bytes.readUInt32LE(8)).toBe(2);
    expect(bytes.readUInt32LE(12)).toBe(4096);
    const [at, length] = [Number(bytes.readBigUInt64LE(16)), Number(bytes.readBigUInt64LE(24))];
    expect(at + length).toBe(bytes.length);
    const json = bytes.subarray(at);
    expect(bytes.toString("hex", 32, 64)).toBe(createHash("sha256").update(json).digest("hex"));
    const pixels = bytes.subarray(4096, 4096 + pixelBytes);
    const header = JSON.parse(json.toString());
    expect(header.sha256).toEqual([createHash("sha256").update(pixels).digest("hex")]);
    const block = ({ offset, bytes: size, sha256 }: { offset: number; bytes: number; sha256: string }) => {
      expect([offset % 8, offset >= 4096 + pixelBytes, offset + size <= at]).toEqual([0, true, true]);
      const content = bytes.subarray(offset, offset + size);
      expect(createHash("sha256").update(content).digest("hex")).toBe(sha256);
      return Uint8Array.from(content).buffer;
    };
    expect(new Int32Array(block(header.splits.codes))).toEqual(Int32Array.of(0, 1, 0, 1, 0));
    expect(new Float64Array(block(header.labels[0].values))).toEqual(Float64Array.of(1, 2.5, Number.NaN, 4, 5));
    expect(new Int32Array(block(header.labels[1].codes))).toEqual(Int32Array.of(0, 1, -1, 0, 1));
    expect(new Uint32Array(block(header.names.lengths))).toEqual(Uint32Array.of(5, 5, 5, 5, 10));
    expect(Buffer.from(block(header.names.text)).toString()).toBe("a.pngb.pngc.pngd.png日本.png");
    expect(pixels.subarray(48, 96)).toEqual(Buffer.from(imageOf(1)));
  });

  test("opens with everything in it, frozen", () => {
    const pack = openPack(path);
    expect(pack).toMatchObject({ count, resolution: side, channels: 3, colour: "rgb", crop: "center", imageBytes: 48 });
    expect(pack).toMatchObject({ pixelOffset: 4096, enlarged: 2, bytes: statSync(path).size });
    expect(pack.splits).toEqual({ train: Uint32Array.of(0, 2, 4), test: Uint32Array.of(1, 3) });
    expect(pack.labels[0]).toEqual({ name: "age", kind: "number", values: Float64Array.of(1, 2.5, Number.NaN, 4, 5) });
    expect(pack.labels[1]).toMatchObject({ categories: ["calm", "wild"], codes: Int32Array.of(0, 1, -1, 0, 1) });
    expect([...pack.names]).toEqual(["a.png", "b.png", "c.png", "d.png", "日本.png"]);
    expect(() => pack.names.at(5)).toThrow(RangeError);
    expect(Object.isFrozen(pack) && Object.isFrozen(pack.splits) && Object.isFrozen(pack.labels)).toBe(true);
  });

  test("reads any images, in any order, and refuses the others", () => {
    const pack = openPack(path);
    expect(pack.readImages([4, 0, 4])).toEqual(Uint8Array.from([...imageOf(4), ...imageOf(0), ...imageOf(4)]));
    expect(pack.readImages([])).toEqual(new Uint8Array(0));
    for (const index of [-1, 5, 1.5, Number.NaN]) {
      expect(() => pack.readImages([index])).toThrow(RangeError);
    }
  });

  test("is verified, and damage is found among the right images", async () => {
    await expect(verifyPack(path)).resolves.toBeUndefined();
    const damaged = altered("pixel.pack", (bytes) => {
      bytes[4096 + 100] = (bytes[4096 + 100] as number) ^ 1;
      return bytes;
    });
    expect(openPack(damaged).count).toBe(count); // the header is whole
    await expect(verifyPack(damaged)).rejects.toThrow(/pixel\.pack is damaged in images 0 to 4; copy it again/);
  });

  test("is recognised by its first bytes", async () => {
    expect(await isPack(path)).toBe(true);
    expect(await isPack(folder)).toBe(false);
    expect(await isPack(join(folder, "missing"))).toBe(false);
  });
});

describe("what is not a whole pack is refused in one line", () => {
  const refusal = (file: string) => {
    try {
      openPack(file);
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      expect((error as Error).message.split("\n")).toHaveLength(1);
      return (error as Error).message;
    }
    return "opened";
  };

  test("a missing file, a folder, another file, an empty one", () => {
    mkdirSync(join(folder, "dir.pack"));
    writeFileSync(join(folder, "text.pack"), "hello");
    writeFileSync(join(folder, "empty.pack"), "");
    expect(refusal(join(folder, "no.pack"))).toMatch(/no\.pack: no such file or folder; check the path/);
    expect(refusal(join(folder, "dir.pack"))).toMatch(/dir\.pack: this is a folder/);
    expect(refusal(join(folder, "text.pack"))).toMatch(
      /text\.pack is not a pack; make one with: pioneer dataset prepare/,
    );
    expect(refusal(join(folder, "empty.pack"))).toMatch(/is not a pack/);
  });

  test.each([
    [7, /has pack format 7, this program reads 2; update pioneer, or prepare it again$/],
    [1, /has pack format 1, this program reads 2; prepare it again$/],
  ])("format %i is refused by name", (format, message) => {
    const other = altered("other.pack", (bytes) => {
      bytes.writeUInt32LE(format, 8);
      return bytes;
    });
    expect(refusal(other)).toMatch(message);
  });

  test("a damaged name, label or split is found when it is read, and by verify", async () => {
    const header = JSON.parse(
      readFileSync(path)
        .subarray(Number(readFileSync(path).readBigUInt64LE(16)))
        .toString(),
    );
    const broken = (place: number) =>
      altered("block.pack", (bytes) => {
        bytes[place] = (bytes[place] as number) ^ 1;
        return bytes;
      });
    expect(refusal(broken(header.splits.codes.offset))).toMatch(/block\.pack is damaged: its splits do not match/);
    const cases = [
      [header.names.text, (pack: Pack) => pack.names.at(0), /its names do not match their sha256; copy/],
      [header.names.lengths, (pack: Pack) => pack.names.at(0), /its names do not match their sha256/],
      [header.labels[0].values, (pack: Pack) => (pack.labels[0] as NumberLabel).values, /values of label age do not/],
      [header.labels[1].codes, (pack: Pack) => (pack.labels[1] as CategoryLabel).codes, /values of label mood do not/],
    ] as const;
    for (const [block, read, message] of cases) {
      const file = broken(block.offset);
      const pack = openPack(file);
      expect(() => read(pack)).toThrow(message);
      await expect(verifyPack(file)).rejects.toThrow(message);
    }
  });

  test("one cut short anywhere, or with something after its end", () => {
    const whole = statSync(path).size;
    for (const length of [8, 63, 64, 4096, 4100, whole - 1]) {
      const short = altered("short.pack", (bytes) => bytes);
      truncateSync(short, length);
      expect(refusal(short)).toMatch(new RegExp(`short\\.pack is cut short: ${length} of \\d+ bytes`));
    }
    expect(refusal(altered("long.pack", (bytes) => Buffer.concat([bytes, Buffer.from("x")])))).toMatch(
      /is damaged: 1 bytes follow its end/,
    );
  });

  test("any change to prefix or header: an error of ours, or the same pack", () => {
    const original = readFileSync(path);
    const blocks = 4096 + count * side * side * 3;
    const plain = (pack: Pack) => ({
      ...pack,
      path: "",
      readImages: undefined,
      names: [...pack.names],
      labels: pack.labels.map((label) => ({ ...label })),
    });
    const expected = plain(openPack(path));
    const place = fc.oneof(
      fc.integer({ min: 0, max: 63 }),
      fc.integer({ min: 0, max: 4095 }),
      fc.integer({ min: blocks, max: original.length - 1 }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        (edits) => {
          const copy = altered("edited.pack", (bytes) => {
            for (const [at, value] of edits) bytes[at] = value;
            return bytes;
          });
          let opened: ReturnType<typeof plain>;
          try {
            opened = plain(openPack(copy));
          } catch (error) {
            expect(error).toBeInstanceOf(DataError);
            return;
          }
          expect(opened).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a header that is signed but wrong", () => {
    const forged = (change: (header: Record<string, unknown>) => void) =>
      altered("forged.pack", (bytes) => {
        const offset = Number(bytes.readBigUInt64LE(16));
        const header = JSON.parse(bytes.subarray(offset).toString());
        change(header);
        const json = Buffer.from(JSON.stringify(header));
        bytes.writeBigUInt64LE(BigInt(json.length), 24);
        createHash("sha256").update(json).digest().copy(bytes, 32);
        return Buffer.concat([bytes.subarray(0, offset), json]);
      });
    const at = (offset: number, bytes: number) => ({ offset, bytes, sha256: "0".repeat(64) });
    const number = (values: ReturnType<typeof at>) => ({ labels: [{ name: "x", kind: "number", values }] });
    const cases: [string, (header: Record<string, unknown>) => void][] = [
      ["splits do not fit its 6 images", (header) => Object.assign(header, { count: 6 })],
      ["names do not fit", (header) => Object.assign(header, { names: { lengths: at(4336, 16), text: at(4336, 8) } })],
      ["not a power of two", (header) => Object.assign(header, { resolution: 5 })],
      ["header colour", (header) => Object.assign(header, { colour: "green" })],
      ["header format", (header) => Object.assign(header, { format: 1 })],
      [
        "its splits do not fit",
        (header) => Object.assign(header.splits as object, { names: ["train"] }), // a code is beyond them
      ],
      ["label x", (header) => Object.assign(header, number(at(4336, 8)))],
      ["label x", (header) => Object.assign(header, number(at(4096, 40)))], // among the pixels
      ["label x", (header) => Object.assign(header, number(at(4337, 40)))],
      ["label x", (header) => Object.assign(header, number(at(2 ** 40, 40)))],
    ];
    for (const [message, change] of cases)
      expect(refusal(forged(change))).toMatch(new RegExp(`is damaged: .*${message}`));
  });
});

test("sha256 values cover 64 MiB each, and a continued pack equals one written at once", async () => {
  const big = 1024; // one image is 3 MiB: the 22nd crosses 64 MiB
  const image = (index: number) => new Uint8Array(big * big * 3).fill(index + 1);
  const fields = {
    crop: "none" as const,
    source: { kind: "folder", name: "big", options: {} },
    columns: [],
    rows: repeat({}, 23),
    splits: { names: ["train"], codes: new Int32Array(23) },
    names: Array.from({ length: 23 }, (_, i) => `${i}`),
    skipped: [],
    enlarged: 0,
    notes: [],
  };
  const straight = await PackWriter.open(join(folder, "straight.pack"), big, { channels: 3, count: 0, sha256: [] });
  for (let i = 0; i < 23; i++) await straight.append(image(i));
  await straight.finish(fields);

  const first = await PackWriter.open(join(folder, "resumed.pack"), big, { channels: 3, count: 0, sha256: [] });
  for (let i = 0; i < 22; i++) await first.append(image(i));
  await first.flush();
  const { progress } = first;
  expect(progress.sha256).toHaveLength(1);
  await first.append(image(99)); // written, but not promised: to be overwritten
  await first.close();
  const second = await PackWriter.open(join(folder, "resumed.pack"), big, progress);
  await second.append(image(22));
  await second.finish(fields);

  const [a, b] = [openPack(join(folder, "straight.pack")), openPack(join(folder, "resumed.pack"))];
  expect(b.id).toBe(a.id);
  await verifyPack(b.path);
});

test("labels of more rows than are written at a time come back as they were", async () => {
  const [rows, columns] = [10_000, 60]; // 4 MiB hold 8,738 rows of 60 numbers
  const file = join(folder, "labelled.pack");
  const writer = await PackWriter.open(file, 4, { channels: 1, count: 0, sha256: [] });
  for (let i = 0; i < rows; i++) await writer.append(new Uint8Array(16));
  const names = Array.from({ length: columns }, (_, column) => `c${column}`);
  await writer.finish({
    crop: "none",
    source: { kind: "folder", name: "labelled", options: {} },
    columns: names.map((name, i) =>
      i % 2 === 0 ? { name, kind: "number" } : { name, kind: "category", categories: ["0", "1", "2"] },
    ),
    rows: Array.from({ length: rows }, (_, row) =>
      Object.fromEntries(names.map((name, column) => [name, column % 2 === 0 ? row + column / 64 : row % 3])),
    ),
    splits: { names: ["train"], codes: new Int32Array(rows) },
    names: repeat("", rows),
    skipped: [],
    enlarged: 0,
    notes: [],
  });
  for (const [column, label] of openPack(file).labels.entries()) {
    const expected = Array.from({ length: rows }, (_, row) => (column % 2 === 0 ? row + column / 64 : row % 3));
    expect([...(label.kind === "number" ? label.values : label.codes)]).toEqual(expected);
  }
  await verifyPack(file);
});
