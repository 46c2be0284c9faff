// The pickles of files that PyTorch wrote, good and hostile ones, and what they may say of tensors.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DataError } from "../../src/base/errors.ts";
import { listRecords } from "../../src/import/zip-records.ts";
import { type PickleItem, readPickle } from "../../src/pickle/reader.ts";
import { type PickledStorage, PickledTensor, torchRules } from "../../src/pickle/torch.ts";
import { damage, expectDataError } from "../support/damage.ts";
import { fixture } from "../support/fixture.ts";

/** The pickle of a checkpoint: a zip's data.pkl, or the fourth of a stream, behind magic number, version and system. */
async function pickleOf(name: string): Promise<Buffer> {
  const bytes = readFileSync(fixture(`checkpoints/${name}`));
  if (bytes.toString("latin1", 0, 2) === "PK") {
    const records = [...(await listRecords(fixture(`checkpoints/${name}`)))];
    const { at, bytes: length } = records.find(([path]) => path.endsWith("/data.pkl"))?.[1] ?? { at: 0, bytes: 0 };
    return bytes.subarray(at, at + length);
  }
  let at = 0;
  for (let i = 0; i < 3; i++) at = readPickle(bytes, torchRules().rules, at).end;
  return bytes.subarray(at);
}

function read(pickle: Buffer): { root: PickleItem; storages: ReadonlyMap<string, PickledStorage> } {
  const { rules, storages } = torchRules();
  return { root: readPickle(pickle, rules).value, storages };
}

/** Every tensor in lists and dicts below an item. */
function tensorsIn(item: PickleItem, seen = new Set<PickleItem>()): PickledTensor[] {
  if (item instanceof PickledTensor) return [item];
  if (seen.has(item)) return [];
  seen.add(item);
  if (item instanceof Map) return [...item.values()].flatMap((each) => tensorsIn(each, seen));
  return Array.isArray(item) ? item.flatMap((each) => tensorsIn(each, seen)) : [];
}

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

/** Whether every number of a tensor is one of its storage. */
function liesInside({ storage, offset, shape, stride }: PickledTensor): boolean {
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * (stride[i] as number), offset);
  return product(shape) === 0 || (last < storage.length && product(shape) <= storage.length);
}

interface Expected {
  readonly parameters: Readonly<Record<string, Readonly<Record<string, { readonly shape: number[] }>>>>;
}
const expected = JSON.parse(readFileSync(fixture("checkpoints/expected.json"), "utf8")) as Expected;

describe("a checkpoint of the authors", () => {
  test.each(["zip_state", "legacy_state", "variant_torch04_state", "variant_torch031_state"])(
    "%s: names and shapes as PyTorch has them, each tensor row-major and inside of its storage",
    async (name) => {
      const { root, storages } = read(await pickleOf(name));
      for (const [network, parameters] of Object.entries(expected.parameters)) {
        const held = (root as Map<string, PickleItem>).get(network) as Map<string, PickledTensor>;
        for (const [parameter, { shape }] of Object.entries(parameters)) {
          const tensor = held.get(parameter);
          expect(tensor?.shape, `${network} ${parameter}`).toEqual(shape);
          expect(tensor?.stride).toEqual(shape.map((_, i) => product(shape.slice(i + 1))));
          expect(tensor?.storage.dtype).toBe("float32");
        }
      }
      const tensors = tensorsIn(root);
      expect(tensors.length).toBeGreaterThan(200);
      for (const tensor of tensors) {
        expect(liesInside(tensor)).toBe(true);
        expect(storages.get(tensor.storage.key)).toBe(tensor.storage);
      }
    },
  );

  test.each(["malicious_zip_state", "malicious_legacy_state"])(
    "%s is refused by name, and nothing is run",
    async (name) => {
      const pickle = await pickleOf(name);
      expect(pickle.includes("touch /tmp/pioneer-pwned")).toBe(true);
      expect(() => read(pickle)).toThrow(
        new DataError(
          'names "posix.system", which plain data have no use for; it may come from someone who means harm',
        ),
      );
      expect(existsSync("/tmp/pioneer-pwned")).toBe(false);
    },
  );

  test("damaged: refused in one line, or read with every tensor inside of its storage", async () => {
    const pickles = await Promise.all(["zip_state", "variant_torch031_state", "balanced_state"].map(pickleOf));
    const trials = 300;
    let refused = 0;
    for (let seed = 0; seed < trials; seed++) {
      try {
        const tensors = tensorsIn(read(damage(pickles[seed % 3] as Buffer, seed)).root);
        expect(tensors.every(liesInside), `trial ${seed}`).toBe(true);
      } catch (error) {
        expectDataError(error, seed);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(trials / 3);
    expect(refused).toBeLessThan(trials);
  });
});

/** One byte that says a length from 0 to 255. */
const byte = (value: number) => String.fromCharCode(value);
const word = (value: string) => `X${byte(value.length)}\0\0\0${value}`;
/** A storage of `length` numbers; `rest` stands behind its length. */
const storage = (key: string, length: number, type = "FloatStorage", rest = "") =>
  `(${word("storage")}ctorch\n${type}\n${word(key)}${word("cpu")}K${byte(length)}${rest}tQ`;
/** A view of a storage, all sizes below 256. */
const view = (of: string, offset: number, shape: readonly number[], stride: readonly number[]) => {
  const tuple = (values: readonly number[]) => `(${values.map((value) => `K${byte(value)}`).join("")}t`;
  return `ctorch._utils\n_rebuild_tensor_v2\n(${of}K${byte(offset)}${tuple(shape)}${tuple(stride)}\x89ccollections\nOrderedDict\n)RtR`;
};
const pickle = (object: string) => Buffer.from(`\x80\x02${object}.`, "latin1");

describe("a view of a storage", () => {
  test.each<[string, number, number[], number[]]>([
    ["all of it", 0, [2, 3], [3, 1]],
    ["transposed", 0, [3, 2], [1, 3]],
    ["its end", 4, [2], [1]],
    ["nothing, wherever", 6, [0, 9], [9, 1]],
    ["one number without dimensions", 5, [], []],
  ])("%s", (_, offset, shape, stride) => {
    const { root } = read(pickle(view(storage("0", 6), offset, shape, stride)));
    expect(root).toMatchObject({ offset, shape, stride, storage: { key: "0", dtype: "float32", length: 6 } });
  });

  test.each<[string, string, string]>([
    [
      "one number beyond its end",
      view(storage("0", 6), 1, [2, 3], [3, 1]),
      "of shape [2, 3] in a storage of 6 numbers",
    ],
    ["more numbers than it has", view(storage("0", 6), 0, [7], [0]), "of shape [7] in a storage of 6 numbers"],
    ["fewer strides than sizes", view(storage("0", 6), 0, [2, 3], [3]), "holds a tensor of no shape"],
    ["no storage", view("N", 0, [1], [1]), "holds a tensor without numbers"],
    ["a view of a view", view(storage("0", 6, "FloatStorage", "K\x01"), 0, [1], [1]), "holds views of storages"],
    [
      "a storage of two lengths",
      `(${view(storage("0", 6), 0, [1], [1])}${view(storage("0", 5), 0, [1], [1])}t`,
      'says two things of storage "0"',
    ],
    [
      "a storage of two types",
      `(${view(storage("0", 6), 0, [1], [1])}${view(storage("0", 6, "HalfStorage"), 0, [1], [1])}t`,
      'says two things of storage "0"',
    ],
    ["a storage of a type that is none", storage("0", 6, "QInt8Storage"), 'names "torch.QInt8Storage"'],
    ["a storage in place of a tensor", `]${storage("0", 6)}a`, "holds something that is no data"],
    ["a parameter of nothing", "ctorch._utils\n_rebuild_parameter\n(N\x88NtR", "holds a parameter that is no tensor"],
  ])("%s is refused", (_, object, message) => {
    expect(() => read(pickle(object))).toThrow(message);
    expect(() => read(pickle(object))).toThrow(DataError);
  });
});
