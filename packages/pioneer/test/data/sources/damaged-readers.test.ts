import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Rng } from "pioneer-runtime";
import { describe, expect, test } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { allIndices } from "../../../src/data/pack/splits.ts";
import { openCifar } from "../../../src/data/sources/cifar.ts";
import { openCifarFolder } from "../../../src/data/sources/cifar-files.ts";
import { LmdbFile } from "../../../src/data/sources/lmdb.ts";
import { numpyRules } from "../../../src/pickle/numpy.ts";
import { readPickle } from "../../../src/pickle/reader.ts";
import { temporaryFolder } from "../support.ts";

const fixtures = fileURLToPath(new URL("../../../../../fixtures/datasets", import.meta.url));
const folder = temporaryFolder();
/** The same on every machine. */
const trials = { lmdb: 400, pickle: 2000 };

/** A whole file with some bits flipped, or cut short, or both, as trial `seed` says. */
function damage(whole: Buffer, seed: number): Buffer {
  const rng = new Rng(seed);
  const bytes = Buffer.from(whole);
  const flips = seed % 3 === 0 ? 0 : 1 + rng.integer(6);
  for (let i = 0; i < flips; i++) {
    // Half of them where the structure is: the first two pages of an LMDB, the opcodes around a pickle's data.
    const at = rng.uniform() < 0.5 ? rng.integer(Math.min(400, bytes.length)) : rng.integer(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << rng.integer(8));
  }
  return seed % 3 === 1 ? bytes : bytes.subarray(0, rng.integer(bytes.length + 1));
}

/** Every refusal is one line; whatever else is thrown fails the test. */
function expectDataError(error: unknown, seed: number): void {
  expect(error, `trial ${seed}: ${(error as Error).stack}`).toBeInstanceOf(DataError);
  expect((error as Error).message, `trial ${seed}`).not.toMatch(/\n/);
}

describe("LMDB", () => {
  test.each(["lsun_lmdb", "lsun_lmdb_many"])("%s, damaged: an error, or values within the file", async (name) => {
    const whole = readFileSync(join(fixtures, name, "data.mdb"));
    const path = join(folder, `${name}.mdb`);
    let refused = 0;
    for (let seed = 0; seed < trials.lmdb; seed++) {
      const bytes = damage(whole, seed);
      writeFileSync(path, bytes);
      let file: LmdbFile | undefined;
      try {
        file = await LmdbFile.open(path);
        const { keys, offsets, lengths } = file.entries;
        for (const [i, key] of [...keys].entries()) {
          expect((offsets[i] as number) + (lengths[i] as number)).toBeLessThanOrEqual(bytes.length);
          const value = await file.read(i).catch((error: unknown) => expectDataError(error, seed));
          if (value) expect([key !== "", value.length]).toEqual([true, lengths[i]]);
        }
      } catch (error) {
        expectDataError(error, seed);
        refused++;
      } finally {
        await file?.close();
      }
    }
    // A third is only cut and must be refused but for a cut of nothing; a bit of a picture may flip unseen.
    expect(refused).toBeGreaterThan(trials.lmdb / 3);
    expect(refused).toBeLessThan(trials.lmdb);
  });

  test("pages that point at each other end, and so do numbers beyond the file", async () => {
    const whole = readFileSync(join(fixtures, "lsun_lmdb_many", "data.mdb"));
    // Of the two meta pages, the one with the higher transaction counts.
    const [meta] = [16, 4096 + 16].sort((a, b) =>
      whole.readBigUInt64LE(a + 128) > whole.readBigUInt64LE(b + 128) ? -1 : 1,
    );
    const database = (meta as number) + 72;
    const branch = Number(whole.readBigUInt64LE(database + 40));
    const first = branch * 4096 + whole.readUInt16LE(branch * 4096 + 16);
    const path = join(folder, "loop.mdb");
    const refusal = async (change: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(whole);
      change(bytes);
      writeFileSync(path, bytes);
      return await LmdbFile.open(path).then(
        () => "opened",
        (error: unknown) => (error as Error).message,
      );
    };
    // The first child is the branch page itself.
    expect(await refusal((bytes) => bytes.writeUInt32LE(branch, first))).toMatch(/is in its tree twice; download/);
    expect(await refusal((bytes) => bytes.writeUInt32LE(0xfffffff0, first))).toMatch(
      /cut short or damaged: an entry lies/,
    );
    // A count of entries that would fill the memory, and one that is not so.
    expect(await refusal((bytes) => bytes.writeBigUInt64LE(2n ** 62n, database + 32))).toMatch(
      /it cannot hold 46116860184273/,
    );
    expect(await refusal((bytes) => bytes.writeBigUInt64LE(61n, database + 32))).toMatch(
      /it holds 60 entries, and says 61/,
    );
  });
});

describe("pickles", () => {
  const batches = ["data_batch_1", "test_batch", "batches.meta"].map((name) =>
    readFileSync(join(fixtures, "cifar-10-batches-py", name)),
  );

  test("damaged: an error, or plain data", () => {
    let refused = 0;
    for (let seed = 0; seed < trials.pickle; seed++) {
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
    expect(refused).toBeGreaterThan(trials.pickle / 3);
    expect(refused).toBeLessThan(trials.pickle);
  });

  test("damaged batches of CIFAR-10: an error, or images within the file", async () => {
    const whole = batches[1] as Buffer;
    const path = join(folder, "cifar");
    mkdirSync(path);
    for (let seed = 0; seed < 100; seed++) {
      writeFileSync(join(path, "test_batch"), damage(whole, seed));
      try {
        const source = await openCifar(path, await openCifarFolder(path));
        for await (const content of source.contents(allIndices(source.count))) {
          expect(((await content.read()) as { pixels: Uint8Array }).pixels).toHaveLength(3072);
        }
        await source.close();
      } catch (error) {
        expectDataError(error, seed);
      }
    }
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
