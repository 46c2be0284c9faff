import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type DType,
  fromFile,
  memory,
  readSafetensors,
  readSafetensorsMetadata,
  scope,
  type Tensor,
  TorchError,
  tensor,
  writeSafetensors,
} from "../src/index.ts";
import { f64, values } from "./support/close.ts";
import { normal } from "./support/differences.ts";
import { temporaryFolder } from "./support/folder.ts";

const folder = temporaryFolder();
let files = 0;
const newFile = () => join(folder, `${++files}.safetensors`);

/** A file with this header and `data` bytes of zeros after it. */
function fileOf(header: string | Uint8Array, data = 0, claimed?: bigint): string {
  const bytes = Buffer.from(header as string);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(bytes.length));
  const path = newFile();
  writeFileSync(path, Buffer.concat([length, bytes, Buffer.alloc(data)]));
  return path;
}

const dtypes: DType[] = [
  "uint8",
  "int8",
  "int16",
  "int32",
  "int64",
  "float16",
  "bfloat16",
  "float32",
  "float64",
  "bool",
];

test("every dtype, shape, name and the metadata come back as they went", () => {
  const path = newFile();
  const saved = new Map<string, Tensor>();
  for (const dtype of dtypes) saved.set(`a.${dtype}`, normal(1, [3, 5]).mul(50).to(dtype));
  saved.set("scalar", f64([Math.PI], []));
  saved.set("empty", tensor(new Float32Array(0), [0, 7]));
  saved.set("__proto__", f64([1, 2]));
  saved.set('quote " slash \\ line \n ä 🙂', f64([3]));
  saved.set("transposed", normal(2, [4, 3]).transpose(0, 1));
  saved.set("channelsLast", normal(3, [1, 2, 3, 4]).contiguous("channelsLast"));
  saved.set("leaf", f64([5]).requiresGrad_());
  writeSafetensors(path, saved, { kimg: "12", note: 'ü "quoted"' });

  const { tensors, metadata } = readSafetensors(path);
  expect(metadata).toEqual({ kimg: "12", note: 'ü "quoted"' });
  expect(readSafetensorsMetadata(path)).toEqual(metadata);
  expect([...tensors.keys()].sort()).toEqual([...saved.keys()].sort());
  for (const [name, expected] of saved) {
    const got = tensors.get(name) as Tensor;
    expect(got.dtype, name).toBe(expected.dtype);
    expect(got.shape, name).toEqual(expected.shape);
    expect(values(got), name).toEqual(values(expected));
  }
  expect(tensors.get("leaf")?.requiresGrad).toBe(false);
});

test("the bytes are those of the format", () => {
  const path = newFile();
  writeSafetensors(path, new Map([["x", tensor(new Float32Array([1, 2]))]]));
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  expect(length % 8).toBe(0);
  expect(JSON.parse(bytes.toString("utf8", 8, 8 + length))).toEqual({
    x: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
  });
  expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 128, 63, 0, 0, 0, 64]);
});

test("tensors read are not in any scope, and reading leaves nothing else behind", () => {
  const path = newFile();
  writeSafetensors(path, new Map([["x", f64([1, 2])]]));
  const before = memory().tensors;
  const { tensors } = scope(() => readSafetensors(path));
  expect(memory().tensors).toBe(before + 1);
  expect(values(tensors.get("x") as Tensor)).toEqual([1, 2]);
  truncateSync(path, 40);
  expect(() => readSafetensors(path)).toThrow(TorchError);
  expect(memory().tensors).toBe(before + 1);
});

test("a file that an unaligned writer made is read", () => {
  const header = '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  expect(header.length % 4).not.toBe(0);
  expect(values(readSafetensors(fileOf(header, 4)).tensors.get("x") as Tensor)).toEqual([0]);
});

test("no tensor can take the name of the metadata", () => {
  expect(() => writeSafetensors(newFile(), new Map([["__metadata__", f64([1])]]))).toThrow("__metadata__");
});

const entry = (change: object) =>
  JSON.stringify({
    ok: { dtype: "U8", shape: [0], data_offsets: [0, 0] },
    x: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...change },
  });
const damaged: [what: string, path: string, message: RegExp][] = [
  ["empty file", (() => fileWith(Buffer.alloc(0)))(), /it has 0 bytes/],
  ["seven bytes", fileWith(Buffer.alloc(7)), /it has 7 bytes/],
  ["header length past the end", fileOf("{}", 0, 3n), /header should have 3 bytes, the file has 10/],
  ["header length of 2^63", fileOf("{}", 0, 2n ** 63n), /header should have/],
  ["header length too short", fileOf('{"x":1}', 0, 3n), /not JSON/],
  ["no header", fileOf(""), /not JSON/],
  ["header that is not text", fileOf(new Uint8Array([255, 254, 0, 1])), /not JSON/],
  ["header is a list", fileOf("[1]"), /not an object/],
  ["header is null", fileOf("null"), /not an object/],
  ["metadata is a list", fileOf('{"__metadata__":[1]}'), /__metadata__ is not an object of strings/],
  ["metadata holds numbers", fileOf('{"__metadata__":{"a":1}}'), /__metadata__ is not an object of strings/],
  ["entry is null", fileOf('{"x":null}'), /"x" do not agree/],
  ["unknown dtype", fileOf(entry({ dtype: "F7" }), 8), /"x" do not agree/],
  ["dtype from the prototype", fileOf(entry({ dtype: "toString" }), 8), /"x" do not agree/],
  ["shape of text", fileOf(entry({ shape: ["2"] }), 8), /"x" do not agree/],
  ["negative sizes", fileOf(entry({ shape: [-2, -1] }), 8), /"x" do not agree/],
  ["shape against offsets", fileOf(entry({ shape: [3] }), 8), /"x" do not agree/],
  ["sizes that overflow", fileOf(entry({ shape: [2 ** 53 - 1, 2 ** 53 - 1] }), 8), /"x" do not agree/],
  ["fractions in offsets", fileOf(entry({ data_offsets: [0.5, 8.5] }), 9), /"x" do not agree/],
  ["offsets backwards", fileOf(entry({ data_offsets: [8, 0] }), 8), /"x" do not agree/],
  ["offsets outside", fileOf(entry({ data_offsets: [800, 808] }), 8), /"x" ends at byte 808 of its data, which has 8/],
  ["cut short", fileOf(entry({}), 7), /"x" ends at byte 8 of its data, which has 7/],
  ["bytes left over", fileOf(entry({}), 9), /its last tensor ends at byte 8 of its data, which has 9/],
  [
    "a gap",
    fileOf(entry({ data_offsets: [4, 12] }), 12),
    /"x" begins at byte 4 of its data, and what is before it ends at 0/,
  ],
  [
    "bytes that two tensors share",
    fileOf(
      entry({ data_offsets: [0, 8] }).replace(
        '"ok":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}',
        '"ok":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}',
      ),
      8,
    ),
    /"x" begins at byte 0 of its data, and what is before it ends at 4/,
  ],
  ["too many dimensions", fileOf(entry({ shape: [2, ...Array(64).fill(1)] }), 8), /"x" do not agree/],
  ["a device", "/dev/zero", /it is no file/],
];
function fileWith(bytes: Uint8Array): string {
  const path = newFile();
  writeFileSync(path, bytes);
  return path;
}
test.each(damaged)("%s: one line that names the file", (_, path, message) => {
  const before = memory().tensors;
  const error = errorOf(() => readSafetensors(path));
  expect(error).toBeInstanceOf(TorchError);
  expect(error.message).toMatch(message);
  expect(error.message).toContain(path);
  expect(error.message).not.toContain("\n");
  expect(memory().tensors).toBe(before);
});

test("missing files and folders are named", () => {
  expect(() => readSafetensors(join(folder, "missing"))).toThrow(/ENOENT.*missing/);
  mkdirSync(join(folder, "folder"));
  expect(() => readSafetensors(join(folder, "folder"))).toThrow();
  expect(() => writeSafetensors(join(folder, "no", "such"), new Map())).toThrow(/ENOENT/);
});

test("a file cut at any byte is refused", () => {
  const path = newFile();
  writeSafetensors(
    path,
    new Map([
      ["x", normal(1, [3])],
      ["y", normal(2, [2, 2])],
    ]),
    { a: "b" },
  );
  const whole = readFileSync(path);
  for (let length = 0; length < whole.length; length++) {
    const cut = fileWith(whole.subarray(0, length));
    expect(() => readSafetensors(cut), `${length} bytes`).toThrow(TorchError);
  }
});

test("no header crashes the reader: it reads, or says in one line what is wrong", () => {
  const path = newFile();
  writeSafetensors(path, new Map([["x", normal(1, [3])]]), { a: "b" });
  const whole = readFileSync(path);
  const number = fc.oneof(fc.integer({ min: -2, max: 40 }), fc.double(), fc.constantFrom(2 ** 53, -(2 ** 31), 1e300));
  const field = fc.oneof(
    number,
    fc.string(),
    fc.array(fc.oneof(number, fc.jsonValue()), { maxLength: 4 }),
    fc.jsonValue(),
  );
  const headers = fc.dictionary(
    fc.oneof(fc.constant("__metadata__"), fc.string()),
    fc.oneof(
      fc.record({
        dtype: fc.oneof(fc.constantFrom("F32", "U8", "BOOL", "BF16"), field),
        shape: fc.oneof(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }), field),
        data_offsets: fc.oneof(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })), field),
      }),
      field,
    ),
    { maxKeys: 3 },
  );
  const edits = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  const contents = fc.oneof(
    fc.tuple(headers, fc.nat({ max: 24 })).map(([header, data]) => readFileSync(fileOf(JSON.stringify(header), data))),
    edits.map((list) => {
      const copy = Buffer.from(whole);
      for (const [at, byte] of list) copy[at] = byte;
      return copy;
    }),
    fc.uint8Array({ maxLength: 60 }),
  );
  const fuzzed = newFile();
  fc.assert(
    fc.property(contents, (bytes) => {
      writeFileSync(fuzzed, bytes);
      const error = errorOf(() => readSafetensors(fuzzed), true);
      if (error === undefined) return;
      expect(error).toBeInstanceOf(TorchError);
      expect(error.message).toContain(fuzzed);
      expect(error.message).not.toContain("\n");
    }),
    { numRuns: 1500, seed: 1 },
  );
});

test("fromFile maps a file: writing to the tensor leaves the file alone", () => {
  const path = fileWith(new Uint8Array([1, 2, 3, 4, 5]));
  const mapped = fromFile(path, 3);
  expect(mapped.dtype).toBe("uint8");
  expect(values(mapped)).toEqual([1, 2, 3]);
  mapped.fill_(9);
  expect([...readFileSync(path)]).toEqual([1, 2, 3, 4, 5]);
  expect(() => fromFile(path, 6)).toThrow(TorchError);
  expect(() => fromFile(join(folder, "missing"), 1)).toThrow(/missing/);
});

function errorOf(body: () => unknown): Error;
function errorOf(body: () => unknown, mayPass: true): Error | undefined;
function errorOf(body: () => unknown, mayPass = false): Error | undefined {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  if (!mayPass) expect.fail("nothing was thrown");
  return undefined;
}
