import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { allIndices } from "../../../src/data/pack/splits.ts";
import { openCifar } from "../../../src/data/sources/cifar.ts";
import { openCifarFolder } from "../../../src/data/sources/cifar-files.ts";
import { LmdbFile } from "../../../src/data/sources/lmdb.ts";
import { damage, expectDataError } from "../../support/damage.ts";
import { fixture } from "../../support/fixture.ts";

const folder = temporaryFolder();
/** The same on every machine. */
const trials = 400;

describe("LMDB", () => {
  test.each(["lsun_lmdb", "lsun_lmdb_many"])("%s, damaged: an error, or values within the file", async (name) => {
    const whole = readFileSync(fixture(`datasets/${name}/data.mdb`));
    const path = join(folder, `${name}.mdb`);
    let refused = 0;
    for (let seed = 0; seed < trials; seed++) {
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
    expect(refused).toBeGreaterThan(trials / 3);
    expect(refused).toBeLessThan(trials);
  });

  test("pages that point at each other end, and so do numbers beyond the file", async () => {
    const whole = readFileSync(fixture("datasets/lsun_lmdb_many/data.mdb"));
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

test("damaged batches of CIFAR-10: an error, or images within the file", async () => {
  const whole = readFileSync(fixture("datasets/cifar-10-batches-py/test_batch"));
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
