// Arrays in the pickles of CIFAR-10, and by hand.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DataError } from "../../src/base/errors.ts";
import { numpyRules, PickledArray } from "../../src/pickle/numpy.ts";
import { type PickleItem, readPickle } from "../../src/pickle/reader.ts";
import { fixture } from "../support/fixture.ts";

test("the images of a batch of CIFAR-10 are those that NumPy reads, without a copy", () => {
  const { cifar10 } = JSON.parse(readFileSync(fixture("datasets/datasets_expected.json"), "utf8")) as {
    cifar10: { data_batch_1: { sha256_of_pixels: string[] } };
  };
  const bytes = readFileSync(fixture("datasets/cifar-10-batches-py/data_batch_1"));
  const array = (readPickle(bytes, numpyRules).value as Map<string, PickleItem>).get("data") as PickledArray;
  expect(array).toBeInstanceOf(PickledArray);
  expect([array.shape, array.dtype, array.isFortran]).toEqual([[8, 3072], "u1", false]);
  expect(array.data.buffer).toBe(bytes.buffer);
  const digests = Array.from({ length: 8 }, (_, i) =>
    createHash("sha256")
      .update(array.data.subarray(3072 * i, 3072 * (i + 1)))
      .digest("hex"),
  );
  expect(digests).toEqual(cifar10.data_batch_1.sha256_of_pixels);
});

const made = (module: string) => `c${module}\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR`;
/** A dtype by its code; `names` and `fields` are those of records. */
const dtype = (code: string, names = "N", fields = "N") =>
  `cnumpy\ndtype\n(U${String.fromCharCode(code.length)}${code}K\x00K\x01tR(K\x03U\x01|N${names}${fields}J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb`;
/** An array of NumPy's pickles, its content by opcodes. */
const array = (shape: string, type: string, content: string, isFortran = "\x89", module = "numpy.core.multiarray") =>
  `${made(module)}(K\x01(${shape}t${type}${isFortran}${content}tb`;
const read = (object: string) => readPickle(Buffer.from(`\x80\x02${object}.`, "latin1"), numpyRules).value;
const six = "K\x02K\x03";

describe("an array by hand", () => {
  test.each(["numpy.core.multiarray", "numpy._core.multiarray"])(
    "by the name %s, of NumPy before and from 2",
    (module) => {
      const value = read(array(six, dtype("u1"), "U\x06abcdef", "\x89", module));
      expect(value).toMatchObject({ shape: [2, 3], dtype: "u1", isFortran: false, data: Buffer.from("abcdef") });
    },
  );

  test("column after column, of two bytes each", () => {
    const value = read(array(six, dtype("i2"), "U\x0caabbccddeeff", "\x88"));
    expect(value).toMatchObject({ shape: [2, 3], dtype: "i2", isFortran: true });
  });

  test.each<[string, string, string]>([
    ["a byte missing", array(six, dtype("u1"), "U\x05abcde"), "of shape [2, 3] in 5 instead of 6 bytes"],
    ["a byte too many", array(six, dtype("u1"), "U\x07abcdefg"), "of shape [2, 3] in 7 instead of 6 bytes"],
    ["a negative size", array("J\xff\xff\xff\xff", dtype("u1"), "U\x00"), "holds an array of no shape"],
    ["33 dimensions", array("K\x01".repeat(33), dtype("u1"), "U\x01a"), "holds an array of no shape"],
    ["objects of Python", array("K\x01", dtype("O8"), "]Na"), "holds an array that is not of numbers"],
    ["objects of Python as bytes", array("K\x01", dtype("O8"), "U\x08abcdefgh"), 'holds an array of type "O8"'],
    ["text", array("K\x01", dtype("S4"), "U\x04abcd"), 'holds an array of type "S4"'],
    ["records", array("K\x01", dtype("V8", "U\x01a\x85", "}"), "U\x08abcdefgh"), "holds an array of records"],
    ["no type", array("K\x01", "N", "U\x01a"), "holds an array that is not of numbers"],
    ["no content", made("numpy.core.multiarray"), "holds an array without content"],
    ["content that has no parts", `${made("numpy.core.multiarray")}Nb`, "gives a value without parts"],
  ])("%s is refused", (_, object, message) => {
    expect(() => read(object)).toThrow(message);
    expect(() => read(object)).toThrow(DataError);
  });
});
