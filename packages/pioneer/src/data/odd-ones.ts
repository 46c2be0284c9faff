// A part of a set that is visibly of another kind than the rest, such as masks beside photos: said, not decided.
import sharp from "sharp";
import { evenly } from "../base/evenly.ts";
import { isMarked } from "../pictures/mark.ts";
import { readSize } from "./pixels/decode.ts";
import type { Source } from "./sources/source.ts";

/** How many images are looked at. */
const sampled = 64;
/** Fewer are taken for photos that happen to be so. */
const leastOdd = 2;
/** A short side that is so many times smaller than the median is that of a thumbnail. */
const muchSmaller = 4;
/** Grey values that count as black and white. */
const [black, white] = [8, 247];

/** What an image looks like. */
export interface Look {
  readonly name: string;
  readonly shortSide: number;
  readonly bits: 8 | 16;
  /** Black and white alone, nothing between. */
  readonly isTwoLevel: boolean;
}

const kinds: readonly { readonly what: string; readonly is: (look: Look, median: number) => boolean }[] = [
  { what: "black and white alone, as masks are", is: ({ isTwoLevel }) => isTwoLevel },
  { what: "of 16 bits where the others have 8, as depth maps are", is: ({ bits }) => bits === 16 },
  {
    what: `less than 1/${muchSmaller} as large as most, as thumbnails are`,
    is: ({ shortSide }, median) => shortSide * muchSmaller < median,
  },
];

/** Published sets are of one kind, and drawn ones would be drawn for this. */
const kindsLookedAt = ["folder", "tar", "zip"];

/** Looks at some of the images of a source. @returns remarks on those that are of another kind than most, without paths */
export async function noteOddOnes(source: Source, wanted: Uint32Array, maxPixels?: number): Promise<string[]> {
  if (source.isStream === true || !kindsLookedAt.includes(source.kind)) return [];
  const looks: Look[] = [];
  for await (const content of source.contents(evenly(wanted, sampled))) {
    const image = await content.read().catch(() => undefined); // packing says why
    if (!Buffer.isBuffer(image) || isMarked(image)) continue;
    const look = await lookAt(source.entry(content.index).name, image, maxPixels).catch(() => undefined);
    if (look !== undefined) looks.push(look);
  }
  return describeOddOnes(looks);
}

/** @returns a remark for each kind that some of the images are of, and not most */
export function describeOddOnes(looks: readonly Look[]): string[] {
  const sides = looks.map(({ shortSide }) => shortSide).sort((a, b) => a - b);
  const median = sides[Math.floor(sides.length / 2)] ?? 0;
  return kinds.flatMap(({ what, is }) => {
    const odd = looks.filter((look) => is(look, median));
    const others = looks.filter((look) => !is(look, median));
    if (odd.length < leastOdd || others.length === 0) return [];
    const folders = new Set(others.map(({ name }) => topOf(name)));
    const [folder = ""] = folders;
    const isApart = folders.size === 1 && folder !== "" && odd.every(({ name }) => topOf(name) !== folder);
    const without = isApart ? `prepare its folder ${folder} alone` : "move them away and prepare the rest";
    return [
      `${odd.length} of ${looks.length} images looked at are ${what} (first: ${odd[0]?.name}): look by dataset info --sheet; to leave them out, ${without}`,
    ];
  });
}

const topOf = (name: string) => name.slice(0, Math.max(0, name.indexOf("/")));

async function lookAt(name: string, image: Buffer, maxPixels: number | undefined): Promise<Look> {
  const { width, height, bits } = await readSize(image, maxPixels);
  const small = await sharp(image, { failOn: "error", limitInputPixels: false })
    .resize(32, 32, { fit: "fill", kernel: "nearest" })
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer();
  const isTwoLevel = small.every((value) => value <= black || value >= white);
  return { name, shortSide: Math.min(width, height), bits, isTwoLevel };
}
