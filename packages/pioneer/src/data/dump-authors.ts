import type { Crop } from "pioneer-runtime";
import { DataError } from "../base/errors.ts";
import { type Growth, resolutionOf } from "../networks/growth.ts";
import type { Frames } from "./frames.ts";
import { isPack } from "./pack/pack.ts";
import { buildSplits, splitIndices } from "./pack/splits.ts";
import { celebaSide, decodeWhole, type RawImage } from "./pixels/decode.ts";
import { cropCenter, resizeBilinear, resizeShortSide } from "./pixels/pillow.ts";
import type { SourceKind } from "./sources/kinds.ts";
import { openSource } from "./sources/open.ts";
import type { Source, SourceContent } from "./sources/source.ts";

/**
 * A source's images resized as the authors of the paper do, with Pillow's bilinear filter on 8-bit pixels at each step
 * (docs/algorithm.md, section 5): CelebA to 128, the middle square of it, then to the resolution; others with the
 * short side to the resolution, then the middle square; CelebA-HQ from its own level. The half-resolution image of the
 * fade is another such resize, of CelebA-HQ the file's own level.
 * @throws DataError for a pack, whose images are resized already, and as `openSource`
 */
export async function openAuthorsFrames(
  path: string,
  growth: Growth,
  options: { readonly kind?: SourceKind | undefined; readonly crop?: Crop | undefined },
): Promise<Frames> {
  if (await isPack(path)) {
    throw new DataError(
      `${path} is a pack, whose images are resized already; give --resize authors the source it was made of`,
    );
  }
  const resolution = resolutionOf(growth.phase);
  const isFading = growth.phase > 0 && growth.alpha < 1;
  const source = await openSource(path, resolution, { kind: options.kind });
  const hasLevels = source.kind === "celebahq";
  const half = isFading && hasLevels ? await openHalf(source, path, resolution / 2) : undefined;
  const crop = options.crop ?? source.crop ?? "center";
  const nameOf = (index: number) => source.entry(index).name;
  return {
    count: source.count,
    nameOf,
    splits: splitIndices(buildSplits(source.count, (index) => source.entry(index).split, nameOf)),
    async *frames(indices) {
      const halves = half?.contents(indices)[Symbol.asyncIterator]();
      for await (const content of source.contents(indices)) {
        const low = halves && ((await halves.next()).value as SourceContent);
        const pixels = frameOf(content, low, { resolution, crop, blend: isFading ? growth.alpha : 1 });
        yield { index: content.index, pixels };
      }
    },
    close: async () => {
      await source.close();
      await half?.close();
    },
  };
}

/** The next lower level of an HDF5 file. */
async function openHalf(source: Source, path: string, resolution: number): Promise<Source> {
  try {
    return await openSource(path, resolution, { kind: "celebahq" });
  } catch (error) {
    await source.close();
    throw error;
  }
}

interface FrameOptions {
  readonly resolution: number;
  readonly crop: Crop;
  /** Weight of the image against its half-resolution version. */
  readonly blend: number;
}

async function frameOf(
  content: SourceContent,
  low: SourceContent | undefined,
  { resolution, crop, blend }: FrameOptions,
): Promise<Uint8Array> {
  const x = resizeAsAuthors(await readWhole(content), resolution, crop);
  if (blend >= 1) return x.pixels;
  const half = low === undefined ? resizeBilinear(x, resolution / 2, resolution / 2) : await readWhole(low);
  return blendWithHalf(x, half, blend);
}

async function readWhole(content: SourceContent): Promise<RawImage> {
  const image = await content.read();
  return Buffer.isBuffer(image) ? await decodeWhole(image) : image;
}

/** Resize and crop as the authors' transforms for CelebA ("celeba") and LSUN ("center") do. */
export function resizeAsAuthors(image: RawImage, resolution: number, crop: Crop): RawImage {
  if (crop === "none" && image.width !== image.height) {
    throw new DataError(`is ${image.width}x${image.height}, not square; use --crop center`);
  }
  if (crop !== "celeba") return cropCenter(resizeShortSide(image, resolution), resolution);
  const square = cropCenter(resizeShortSide(image, celebaSide), celebaSide);
  return resizeBilinear(square, resolution, resolution);
}

/** alpha · x + (1 - alpha) · half, each pixel of which counts for four. */
function blendWithHalf({ width, height, pixels }: RawImage, half: RawImage, alpha: number): Uint8Array {
  const blended = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x);
      const low = 3 * ((y >> 1) * half.width + (x >> 1));
      for (let c = 0; c < 3; c++) {
        blended[at + c] = Math.round(
          alpha * (pixels[at + c] as number) + (1 - alpha) * (half.pixels[low + c] as number),
        );
      }
    }
  }
  return blended;
}
