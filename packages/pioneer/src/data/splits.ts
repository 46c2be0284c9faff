import { createHash } from "node:crypto";
import type { PackHeader } from "./pack-format.ts";

/** Share of a data set without splits that is held out, and the most images it may be. */
const heldOutShare = 0.02;
const maxHeldOut = 1000;

/**
 * Splits as a pack stores them. Where no image is "test", 2% of the "train" ones are held out, at most 1,000 and, with
 * two images or more, at least one: those whose names have the smallest hashes, so that they are spread over the data
 * and stay the same, but for a few, when images are added.
 * @param splits one for each image; undefined counts as "train"
 * @param names  the images' names
 */
export function buildSplits(splits: readonly (string | undefined)[], names: readonly string[]): PackHeader["splits"] {
  const assigned = splits.map((split) => split ?? "train");
  if (!assigned.includes("test")) {
    const train = assigned.flatMap((split, index) => (split === "train" ? [index] : []));
    const count = Math.min(maxHeldOut, Math.max(train.length >= 2 ? 1 : 0, Math.round(train.length * heldOutShare)));
    for (const index of smallestHashes(train, names, "split", count)) assigned[index] = "test";
  }
  const found = [...new Set(assigned)].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const codeOf = new Map(found.map((name, code) => [name, code]));
  return { names: found, codes: assigned.map((name) => codeOf.get(name) as number) };
}

/**
 * A subset that does not depend on the order of the images.
 * @param salt another one gives another subset
 * @returns `count` of `indices`, ascending
 */
export function smallestHashes(
  indices: readonly number[],
  names: readonly string[],
  salt: string,
  count: number,
): number[] {
  const hashed = indices.map((index) => ({ index, hash: hashName(`${salt}\0${names[index]}`) }));
  hashed.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.index - b.index));
  return hashed
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b);
}

function hashName(text: string): string {
  return createHash("sha256").update(text.normalize("NFC")).digest("hex");
}

function rank(split: string): number {
  return split === "train" ? 0 : split === "test" ? 1 : 2;
}
