import { hash } from "node:crypto";
import { recordOf } from "../../base/record.ts";

/** Share of a data set without splits that is held out, and the most images it may be. */
const heldOutShare = 0.02;
const maxHeldOut = 1000;

/** The split of each image: `names[codes[i]]`. */
export interface Splits {
  /** "train", "test", then others by their names. */
  readonly names: readonly string[];
  /** [count] */
  readonly codes: Int32Array;
}

/**
 * Splits as a pack stores them. Where no image is "test", 2% of the "train" ones are held out, at most 1,000 and, with
 * two images or more, at least one: those whose names have the smallest hashes, so that they are spread over the data
 * and stay the same, but for a few, when images are added.
 * @param count   how many images
 * @param splitOf undefined counts as "train"
 * @param nameOf  the images' names
 */
export function buildSplits(
  count: number,
  splitOf: (index: number) => string | undefined,
  nameOf: (index: number) => string,
): Splits {
  const found: string[] = [];
  const codeOf = new Map<string, number>();
  const toCode = (split: string): number => {
    const known = codeOf.get(split);
    if (known !== undefined) return known;
    codeOf.set(split, found.length);
    return found.push(split) - 1;
  };
  const codes = new Int32Array(count);
  for (let i = 0; i < count; i++) codes[i] = toCode(splitOf(i) ?? "train");
  if (!codeOf.has("test")) {
    const { train = new Uint32Array() } = splitIndices({ names: found, codes });
    const wanted = Math.min(maxHeldOut, Math.max(train.length >= 2 ? 1 : 0, Math.round(train.length * heldOutShare)));
    for (const index of smallestHashes(train, nameOf, "split", wanted)) codes[index] = toCode("test");
  }
  const names = found.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const places = found.map((name) => names.indexOf(name));
  return { names, codes: codes.map((code) => places[code] as number) };
}

/** Indices of the images by split, ascending; "train" and "test" always exist, perhaps empty. */
export function splitIndices({ names, codes }: Splits): Record<string, Uint32Array> {
  const counts = new Uint32Array(names.length);
  for (const code of codes) counts[code] = (counts[code] as number) + 1;
  const lists = Array.from(counts, (count) => new Uint32Array(count));
  counts.fill(0);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    const at = counts[code] as number;
    (lists[code] as Uint32Array)[at] = i;
    counts[code] = at + 1;
  }
  const found = names.map((name, code) => [name, lists[code] as Uint32Array] as const);
  return recordOf([["train", new Uint32Array()], ["test", new Uint32Array()], ...found]);
}

/** 0, 1, 2 ... */
export function allIndices(count: number): Uint32Array {
  const indices = new Uint32Array(count);
  for (let i = 0; i < count; i++) indices[i] = i;
  return indices;
}

/**
 * A subset that does not depend on the order of the images.
 * @param indices ascending
 * @param salt another one gives another subset
 * @returns `count` of `indices`, ascending
 */
export function smallestHashes(
  indices: Uint32Array,
  nameOf: (index: number) => string,
  salt: string,
  count: number,
): Uint32Array {
  if (count >= indices.length) return indices;
  if (count <= 0) return new Uint32Array();
  // The first 48 bits of the hashes, as numbers: there may be millions of images.
  const hashes = new Float64Array(indices.length);
  for (let i = 0; i < indices.length; i++) hashes[i] = hashName(`${salt}\0${nameOf(indices[i] as number)}`);
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
