import { type FacePoints, faceProblem, faceSimilarity } from "./align.ts";
import { alignedSquare } from "./aligned-square.ts";
import { ModelError } from "./errors.ts";
import type { SeenAs } from "./model.ts";
import { onWhite, type PixelImage, writePlanes } from "./pixels.ts";
import type { Platform } from "./platform.ts";
import { type Encoding, type RgbPixels, toGrey, toSquare } from "./resize.ts";

/**
 * A photo of any size: ImageData (or {data, width, height} with RGBA), the bytes of a JPEG, PNG or WebP file, or a Blob
 * of one. In a page also what a canvas can draw: ImageBitmap, canvas, img, video.
 */
export type Photo = PixelImage | Uint8Array | ArrayBuffer | Blob | Drawable;

/** A photo and where its face is, in its pixels once it is upright: for a model of aligned faces. */
export interface FacePhoto {
  readonly photo: Photo;
  readonly face: FacePoints;
}

/**
 * One image: a photo, which is cropped and resized as the training images were, a photo with its face, which is aligned
 * as they were, or [3, r, r] in [-1, 1].
 */
export type ImageInput = Photo | FacePhoto | Float32Array;

/** What a canvas can draw. */
export interface Drawable {
  readonly width: unknown;
  readonly height: unknown;
}

/** Images in, one or several; a Float32Array is [count, 3, r, r] in [-1, 1]. */
export type Images = ImageInput | readonly ImageInput[];

/** Images as [n, 3, r, r], some at a time. */
export interface ImageSource {
  readonly count: number;
  take(start: number, n: number, signal?: AbortSignal): Promise<Float32Array>;
}

/** Values of images lie within about [-1, 1]; beyond this they are surely 0..255. */
const largestValue = 16;

/**
 * Photos are decoded, cropped and resized when they are taken, so that a long list of files needs little memory.
 * @param count how many there must be
 * @throws ModelError IMAGE, here and from `take`, naming which of several
 */
export function imageSource(
  images: Images,
  shape: SeenAs,
  platform: Pick<Platform, "decode">,
  count?: number,
): ImageSource {
  const { resolution } = shape;
  const size = 3 * resolution ** 2;
  if (images instanceof Float32Array) {
    const found = images.length / size;
    if (!Number.isInteger(found) || (count !== undefined && count !== found)) {
      throw new ModelError(
        "IMAGE",
        `expected ${count ?? "a whole number of"} images of 3 x ${resolution} x ${resolution} values, got ${images.length} values: ` +
          "give photos of other sizes as ImageData or files",
      );
    }
    return {
      count: found,
      take: async (start, n) => checkValues(images.slice(start * size, (start + n) * size), size, start),
    };
  }
  const list = (Array.isArray(images) ? images : [images]) as readonly ImageInput[];
  const take = async (start: number, n: number, signal?: AbortSignal) => {
    const planes = new Float32Array(n * size);
    for (let i = 0; i < n; i++) {
      signal?.throwIfAborted();
      try {
        planes.set(await prepare(list[start + i] as ImageInput, shape, platform), i * size);
      } catch (error) {
        if (!(error instanceof ModelError) || list.length === 1) throw error;
        throw new ModelError(error.code, `image ${start + i + 1} of ${list.length}: ${error.message}`, {
          cause: error,
        });
      }
    }
    return planes;
  };
  return { count: list.length, take };
}

/** @returns [3, r, r] in [-1, 1] */
async function prepare(image: ImageInput, shape: SeenAs, platform: Pick<Platform, "decode">): Promise<Float32Array> {
  const { resolution } = shape;
  const planes = new Float32Array(3 * resolution ** 2);
  if (image instanceof Float32Array) {
    if (image.length === planes.length) return checkValues(image, planes.length, 0);
    throw new ModelError(
      "IMAGE",
      `expected 3 x ${resolution} x ${resolution} values, got ${image.length}: give photos of other sizes as ImageData or files`,
    );
  }
  const { photo, face } = isFacePhoto(image) ? image : { photo: image, face: undefined };
  const { pixels, encoding } = await decode(photo, platform);
  writePlanes(planes, face ? toAligned(pixels, face, shape) : toSquare(pixels, shape, encoding));
  return planes;
}

async function decode(
  photo: Photo,
  platform: Pick<Platform, "decode">,
): Promise<{ readonly pixels: RgbPixels; readonly encoding: Encoding }> {
  return isPixels(photo) ? { pixels: onWhite(photo), encoding: "other" } : platform.decode(photo);
}

/** @throws ModelError */
function toAligned(pixels: RgbPixels, face: FacePoints, { align, resolution, colour }: SeenAs): Uint8Array {
  if (!align) {
    throw new ModelError(
      "OPTION",
      "a photo came with its face, and this model's photos were not aligned: give it alone",
    );
  }
  const problem = faceProblem(face, pixels);
  if (problem !== undefined) throw new ModelError("IMAGE", `a photo ${problem}`);
  const square = alignedSquare(pixels, faceSimilarity(face, align), resolution);
  return colour === "grey" ? toGrey(square) : square;
}

// What is not there at all is no image either, which `decode` says.
const isFacePhoto = (image: ImageInput): image is FacePhoto => "face" in Object(image);

function isPixels(image: Photo): image is PixelImage {
  const { data } = Object(image) as Partial<PixelImage>;
  return data instanceof Uint8ClampedArray || data instanceof Uint8Array;
}

function checkValues(images: Float32Array, size: number, first: number): Float32Array {
  const wrong = images.findIndex((value) => !(Math.abs(value) <= largestValue));
  if (wrong === -1) return images;
  const which = first + Math.floor(wrong / size) + 1;
  throw new ModelError(
    "IMAGE",
    `image ${which} has the value ${images[wrong]}: expected numbers in [-1, 1], which are pixel / 127.5 - 1`,
  );
}
