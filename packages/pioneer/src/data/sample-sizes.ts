import type { Crop } from "pioneer-runtime";
import { evenly } from "../base/evenly.ts";
import { isMarked } from "../pictures/mark.ts";
import { readSize } from "./pixels/decode.ts";
import { sourceFailure } from "./sources/failures.ts";
import { proceduralResolution } from "./sources/procedural.ts";
import type { Source, SourceContent } from "./sources/source.ts";

/** See `PrepareOptions.resolution`: the limits, the photos looked at, and the share that may be smaller. */
const defaultResolution = { largest: 256, celeba: 128, sample: 256, share: 0.05 };

/** Some of the images, evenly spread, at most 256. */
export const sampleOf = (wanted: Uint32Array): Uint32Array => evenly(wanted, defaultResolution.sample);

export interface ImageSize {
  readonly index: number;
  readonly width: number;
  readonly height: number;
}

/** Sizes of some images, upright. Those that cannot be used have no say. @param from the source's path */
export async function readSizes(
  source: Source,
  from: string,
  sample: Uint32Array,
  maxPixels?: number,
): Promise<ImageSize[]> {
  const sizes: ImageSize[] = [];
  for await (const content of source.contents(sample)) {
    const size = await readAnySize(content, maxPixels).catch((error: unknown) => {
      const failure = sourceFailure(error, from, source.entry(content.index).name);
      if (failure !== undefined) throw failure;
    });
    if (size !== undefined) sizes.push({ index: content.index, width: size.width, height: size.height });
  }
  return sizes;
}

/** As told at `PrepareOptions.resolution`. @param sides of what squares are made of, in pixels */
export function resolutionFor(sides: readonly number[], crop: Crop): number {
  const sorted = [...sides].sort((a, b) => a - b);
  const side = sorted[Math.floor(sorted.length * defaultResolution.share)] ?? proceduralResolution;
  const largest = crop === "celeba" ? defaultResolution.celeba : defaultResolution.largest;
  return Math.max(4, Math.min(largest, 2 ** Math.floor(Math.log2(side))));
}

async function readAnySize(
  content: SourceContent,
  maxPixels: number | undefined,
): Promise<{ width: number; height: number } | undefined> {
  const image = await content.read();
  if (!Buffer.isBuffer(image)) return image;
  return isMarked(image) ? undefined : await readSize(image, maxPixels);
}
