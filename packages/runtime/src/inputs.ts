import { ModelError } from "./errors.ts";
import { onWhite, type PixelImage, writePlanes } from "./pixels.ts";
import type { Platform } from "./platform.ts";
import { type SquareShape, toSquare } from "./resize.ts";

/**
 * One image: ImageData (or {data, width, height} with RGBA), the bytes of a JPEG, PNG or WebP file, a Blob of one, or
 * [3, r, r] in [-1, 1]. Photos may have any size; they are cropped and resized as the training images were. In a page
 * also what a canvas can draw: ImageBitmap, canvas, img, video.
 */
export type ImageInput = PixelImage | Uint8Array | ArrayBuffer | Blob | Float32Array | Drawable;

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
  shape: SquareShape,
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
async function prepare(
  image: ImageInput,
  shape: SquareShape,
  platform: Pick<Platform, "decode">,
): Promise<Float32Array> {
  const { resolution } = shape;
  const planes = new Float32Array(3 * resolution ** 2);
  if (image instanceof Float32Array) {
    if (image.length === planes.length) return checkValues(image, planes.length, 0);
    throw new ModelError(
      "IMAGE",
      `expected 3 x ${resolution} x ${resolution} values, got ${image.length}: give photos of other sizes as ImageData or files`,
    );
  }
  if (isPixels(image)) writePlanes(planes, toSquare(onWhite(image), shape));
  else {
    const { pixels, encoding } = await platform.decode(image);
    writePlanes(planes, toSquare(pixels, shape, encoding));
  }
  return planes;
}

function isPixels(image: ImageInput): image is PixelImage {
  // What is not there at all is no image either, which `decode` says.
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
