// Whatever a file holds: an error of one line, or a checkpoint whose numbers lie in the file. Never a crash, a hang or more memory than the file.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { CheckpointError, ConfigError } from "../../src/base/errors.ts";
import { readAuthorsCheckpoint } from "../../src/import/authors-checkpoint.ts";
import { openAuthorsFiles } from "../../src/import/authors-files.ts";
import { importAuthors } from "../../src/import/import-run.ts";
import { openTorchFile } from "../../src/import/torch-file.ts";
import type { PickledTensor } from "../../src/pickle/torch.ts";
import { checkpointFile } from "./support.ts";

const folder = temporaryFolder();
const seed = 20261123;
const whole = {
  zip: readFileSync(checkpointFile("balanced_state")),
  stream: readFileSync(checkpointFile("variant_torch031_state")),
  gpu: readFileSync(checkpointFile("variant_torch04_state")),
  u: readFileSync(checkpointFile("balanced_SNU")),
  delta: readFileSync(checkpointFile("smile_delta")),
};
type Kind = keyof typeof whole;

/** Opens what the bytes hold and loads some of its tensors. @returns the refusal; undefined if it was read */
async function attempt(bytes: Buffer): Promise<unknown> {
  const path = join(folder, "damaged");
  writeFileSync(path, bytes);
  try {
    const files = await openAuthorsFiles([path]);
    try {
      const { checkpoint, spectral, deltas } = files;
      const tensors = [
        ...(checkpoint ? [...checkpoint.content.networks.encoder.values()].slice(0, 3) : []),
        ...(spectral?.u.slice(0, 3) ?? []),
        ...deltas.map(({ tensor }) => tensor),
      ];
      const file = checkpoint?.file ?? spectral?.file ?? deltas[0]?.file;
      expect(tensors.length).toBeGreaterThan(0);
      for (const tensor of tensors) {
        expect(file?.size(tensor)).toBeLessThanOrEqual(bytes.length);
        const loaded = file?.load(tensor);
        expect(loaded?.shape).toEqual(tensor.shape);
        loaded?.dispose();
      }
      return undefined;
    } finally {
      files.close();
    }
  } catch (error) {
    expect([CheckpointError, ConfigError], String((error as Error).stack)).toContain((error as Error).constructor);
    expect((error as Error).message).not.toMatch(/\n/);
    expect((error as Error).message.length).toBeLessThan(500);
    return error;
  }
}

const kinds = fc.constantFrom<Kind>("zip", "stream", "gpu", "u", "delta");

test("cut short anywhere, every file is refused", async () => {
  await fc.assert(
    fc.asyncProperty(kinds, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (kind, part) => {
      const bytes = whole[kind];
      expect(await attempt(bytes.subarray(0, Math.floor(part * bytes.length)))).toBeDefined();
    }),
    { seed, numRuns: 250 },
  );
});

test("bytes changed: refused, or read with every number in the file", async () => {
  // Half of the changes near the ends, where the structure is.
  const place = fc.oneof(fc.integer({ min: -1500, max: 1500 }), fc.integer({ min: 0, max: 2 ** 30 }));
  const changes = fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
  const outcomes = { refused: 0, read: 0 };
  await fc.assert(
    fc.asyncProperty(kinds, changes, async (kind, list) => {
      const bytes = Buffer.from(whole[kind]);
      for (const [at, value] of list) bytes[((at % bytes.length) + bytes.length) % bytes.length] = value;
      outcomes[(await attempt(bytes)) === undefined ? "read" : "refused"]++;
    }),
    { seed, numRuns: 600 },
  );
  // A number of a weight may change unseen; opcodes, names and lengths may not.
  expect(outcomes.refused).toBeGreaterThan(150);
  expect(outcomes.read).toBeGreaterThan(50);
});

test("any bytes after a beginning that looks right are refused", async () => {
  const beginnings = [
    whole.stream.subarray(0, 40),
    whole.stream.subarray(0, 300),
    Buffer.from("PK\x03\x04"),
    Buffer.alloc(0),
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 400 }), async (start, rest) => {
      expect(await attempt(Buffer.concat([start, rest]))).toBeDefined();
    }),
    { seed, numRuns: 200 },
  );
});

/** A stream file of hand-written pickles. @param object of protocol 2, without its STOP */
function stream(object: string, keys: readonly string[], storages: Buffer): Buffer {
  const keyList = `\x80\x02]${keys.map((key) => `X${length32(key.length)}${key}a`).join("")}.`;
  const head = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.";
  return Buffer.concat([Buffer.from(`${head}\x80\x02${object}.${keyList}`, "latin1"), storages]);
}
const length32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString("latin1");
};
/** A tensor of one storage "0" that says to hold `length` numbers. */
const tensor = (length: number, shape: string, stride: string) =>
  `ctorch._utils\n_rebuild_tensor_v2\n((X${length32(7)}storagectorch\nFloatStorage\nX${length32(1)}0X${length32(3)}cpu` +
  `J${length32(length)}NtQK\x00${shape}${stride}\x89ccollections\nOrderedDict\n)RtR`;
const numbers = (length: number, real = length) => {
  const bytes = Buffer.alloc(8 + 4 * real, 1);
  bytes.writeBigInt64LE(BigInt(length));
  return bytes;
};

test.each([
  ["a tensor", tensor(4, "K\x04\x85", "K\x01\x85"), numbers(4), undefined],
  [
    "a storage larger than the file",
    tensor(2 ** 30, "K\x04\x85", "K\x01\x85"),
    numbers(2 ** 30, 4),
    /is cut short: it has \d+ bytes of at least 4294967/,
  ],
  [
    "a length that the storage does not have",
    tensor(4, "K\x04\x85", "K\x01\x85"),
    numbers(5),
    /has 5 numbers in storage "0", which should have 4/,
  ],
  [
    "strides of 0, which would make much of little",
    tensor(4, "J\x00\x00\x00\x40\x85", "K\x00\x85"),
    numbers(4),
    /a tensor of shape \[1073741824\] in a storage of 4/,
  ],
  [
    "strides that leave the storage",
    tensor(4, "K\x02\x85", "K\x04\x85"),
    numbers(4),
    /a tensor of shape \[2\] in a storage of 4/,
  ],
  ["a storage that no tensor uses", "]", numbers(4), /lists storages that it has no use for/],
  [
    "a call of a storage's type",
    "ctorch\nFloatStorage\n)R",
    numbers(4),
    /calls "torch FloatStorage", which is only named/,
  ],
  [
    "state for a tensor",
    `${tensor(4, "K\x04\x85", "K\x01\x85")}}b`,
    numbers(4),
    /fills something that takes no content/,
  ],
  ["functions of Python", "cbuiltins\neval\nX\x01\x00\x00\x00x\x85R", numbers(4), /names "builtins\.eval"/],
  ["modules of PyTorch", "ctorch.nn.modules.conv\nConv2d\n)R", numbers(4), /names "torch\.nn\.modules\.conv\.Conv2d"/],
  [
    "a dict with a key of 5000 letters",
    `}X${length32(5000)}${"a".repeat(5000)}Ns`,
    numbers(4),
    /a name that is no text, or too long/,
  ],
  ["a dict made of pairs", "ccollections\nOrderedDict\n]\x85R", numbers(4), /a dict that is filled in an unknown way/],
  ["lists without end", `]${"]a".repeat(2 ** 18)}`, numbers(4), /holds more than 262144 lists and dicts/],
])("%s", async (_, object, storage, message) => {
  const error = await attempt(stream(object, ["0"], storage));
  if (message) expect((error as Error).message).toMatch(message);
  else expect(error).toBeUndefined();
});

test("a zip whose records are compressed is refused, whatever they would become", async () => {
  const bytes = Buffer.from(whole.zip);
  // Compression method of the last entry of the directory, and its size: a bomb of 4 GB in no bytes.
  const last = bytes.lastIndexOf("PK\x01\x02", undefined, "latin1");
  bytes.writeUInt16LE(8, last + 10);
  bytes.writeUInt32LE(0xfffffff0, last + 24);
  expect(await attempt(bytes)).toMatchObject({
    message: expect.stringMatching(/was packed by another program .* is compressed/),
  });
});

test("a zip that points at a place no file has is refused", async () => {
  const bytes = Buffer.from(whole.zip);
  const locator = bytes.lastIndexOf("PK\x06\x07", undefined, "latin1");
  expect(locator).toBeGreaterThan(0);
  bytes.writeBigUInt64LE(2n ** 63n + 77n, locator + 8);
  const message = expect.stringMatching(
    /cannot be read as a zip: it points at byte 92233720368547\d+, the file has \d+;/,
  );
  expect(await attempt(bytes)).toMatchObject({ message });
});

test("a zip with a storage of another length is refused", async () => {
  const bytes = Buffer.from(whole.zip);
  const name = bytes.lastIndexOf("/data/1", undefined, "latin1");
  const entry = bytes.lastIndexOf("PK\x01\x02", name, "latin1");
  for (const size of [entry + 20, entry + 24]) bytes.writeUInt32LE(60, size);
  const message = expect.stringMatching(/has 60 bytes for storage "1", which should have 65536; download it again/);
  expect(await attempt(bytes)).toMatchObject({ message });
});

test("a bit of a weight that flipped, of which no size tells", async () => {
  const bytes = Buffer.from(whole.zip);
  const name = bytes.indexOf("/data/1", 0, "latin1");
  bytes[name + 4096] = (bytes[name + 4096] as number) ^ 1;
  const message = expect.stringMatching(
    /is damaged in storage "\d+": its checksum \(CRC-32\) differs; download it again/,
  );
  expect(await attempt(bytes)).toMatchObject({ message });
});

test("a large file that counts the same numbers many times is refused before anything is loaded", async () => {
  const file = await openTorchFile(checkpointFile("balanced_state"));
  const content = readAuthorsCheckpoint(file.path, file.root as Map<string, never>);
  const { NetworkLoader } = await import("../../src/import/networks.ts");
  // 64 MiB are free; as if every number were a hundred.
  const large = { ...file, size: (pickled: PickledTensor) => 100 * file.size(pickled) };
  expect(() => new NetworkLoader(large, content, undefined)).toThrow(
    /says that it holds \d+ bytes of tensors, and has 148483/,
  );
  file.close();
});

test("numbers that are not finite are refused by name, and nothing is written", async () => {
  const bytes = Buffer.from(whole.stream);
  bytes.writeUInt32LE(0x7fc00000, bytes.length - 4);
  const path = join(folder, "nan_state");
  writeFileSync(path, bytes);
  const out = join(folder, "nan");
  await expect(importAuthors({ files: [path], out, activatedCode: true })).rejects.toThrow(
    /nan_state is damaged, or of a run that diverged: .* holds numbers that are not finite/,
  );
});
