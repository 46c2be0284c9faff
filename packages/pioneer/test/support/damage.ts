// Files damaged the same way on every machine, and what may come of them.
import { Rng } from "pioneer-runtime/internal";
import { expect } from "vitest";
import { DataError } from "../../src/base/errors.ts";

/** A whole file with some bits flipped, or cut short, or both, as trial `seed` says. */
export function damage(whole: Buffer, seed: number): Buffer {
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
export function expectDataError(error: unknown, seed: number): void {
  expect(error, `trial ${seed}: ${(error as Error).stack}`).toBeInstanceOf(DataError);
  expect((error as Error).message, `trial ${seed}`).not.toMatch(/\n/);
}
