import { hash } from "node:crypto";
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
 * @param indices ascending
 * @param salt another one gives another subset
 * @returns `count` of `indices`, ascending
 */
export function smallestHashes(
  indices: readonly number[],
  names: readonly string[],
  salt: string,
  count: number,
): number[] {
  if (count >= indices.length) return [...indices];
  if (count <= 0) return [];
  // The first 48 bits of the hashes, as numbers: there may be millions of images.
  const hashes = Float64Array.from(indices, (index) => hashName(`${salt}\0${names[index]}`));
  const last = hashes.slice().sort()[count - 1] as number;
  const below = hashes.reduce((total, value) => total + (value < last ? 1 : 0), 0);
  let ties = count - below; // more than one only where two of millions agree in 48 bits
  return indices.filter((_, i) => {
    const value = hashes[i] as number;
    return value < last || (value === last && ties-- > 0);
  });
}

function hashName(text: string): number {
  return hash("sha256", text.normalize("NFC"), "buffer").readUIntBE(0, 6);
}

function rank(split: string): number {
  return split === "train" ? 0 : split === "test" ? 1 : 2;
}
