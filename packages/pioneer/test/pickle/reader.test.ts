import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DataError } from "../../src/base/errors.ts";
import { numpyRules } from "../../src/pickle/numpy.ts";
import { readPickle } from "../../src/pickle/reader.ts";
import { damage, expectDataError } from "../support/damage.ts";
import { fixture } from "../support/fixture.ts";

/** The same on every machine. */
const trials = 2000;

describe("pickles", () => {
  const batches = ["data_batch_1", "test_batch", "batches.meta"].map((name) =>
    readFileSync(fixture(`datasets/cifar-10-batches-py/${name}`)),
  );

  test("damaged: an error, or plain data", () => {
    let refused = 0;
    for (let seed = 0; seed < trials; seed++) {
      const whole = batches[seed % batches.length] as Buffer;
      // The opcodes are at both ends: without most of the pixels, more flips hit them.
      const bytes = damage(
        whole.length > 9000 && seed % 2 ? Buffer.concat([whole.subarray(0, 300), whole.subarray(-1500)]) : whole,
        seed,
      );
      try {
        readPickle(bytes, numpyRules);
      } catch (error) {
        expectDataError(error, seed);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(trials / 3);
    expect(refused).toBeLessThan(trials);
  });

  // Written by hand or with Python's pickle: what it is, and what comes of it.
  test.each([
    ["(lp0\nI1\naL2L\naI01\na.", [1, 2, true]],
    ["\x80\x02]q\x00(K\x01M\x02\x01J\xff\xff\xff\xffNe.", [1, 258, -1, null]],
    ["\x80\x02\x8a\x01\xff.", -1],
    ["\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.", 2n ** 64n],
    ["\x80\x02G?\xf8\x00\x00\x00\x00\x00\x00.", 1.5],
    ["\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x02\xc3\xa4\x94.", "ä"],
    ["\x80\x02U\x02ab.", Buffer.from("ab")],
    ["\x80\x02}U\x01aK\x05s.", new Map([["a", 5]])],
    ["\x80\x02K\x01K\x02\x86.", [1, 2]],
  ])("%j", (text, value) => {
    expect(readPickle(Buffer.from(text, "latin1"), numpyRules)).toEqual({ value, end: text.length });
  });

  test.each([
    ["cos\nsystem\n(S'x'\ntR.", /opcode 0x53|names "os\.system"/],
    ["\x80\x02c__builtin__\neval\n.", /names "__builtin__\.eval", which plain data have no use for/],
    ["\x80\x04\x8c\x05posix\x8c\x06system\x93.", /names "posix\.system"/],
    ["\x80\x02cnumpy\nndarray\n.", /holds something that is no data/],
    ["\x80\x02cnumpy\ndtype\n(U\x02u1K\x00K\x01tR.", /holds something that is no data/],
    ["\x80\x02U\xffab.", /cut short after 7 bytes/],
    ["\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", /cut short/],
    ["\x80\x02h\x05.", /recalls value 5, which it never stored/],
    ["\x80\x02e.", /ends a list that never began/],
    ["\x80\x02K\x01K\x02.", /ends with 2 values instead of one/],
    ["\x80\x02.", /ends with 0 values/],
    ["\x80\x02(.", /uses a value that is not there/],
    ["\x80\x09.", /of a protocol newer than 5/],
    ["", /cut short after 0 bytes/],
  ])("%j is refused", (text, message) => {
    expect(() => readPickle(Buffer.from(text, "latin1"), numpyRules)).toThrow(message);
    expect(() => readPickle(Buffer.from(text, "latin1"), numpyRules)).toThrow(DataError);
  });
});
