import { type FacePoints, faceProblem, faceSimilarity } from "./align.ts";
import { alignedSquare } from "./aligned-square.ts";
import { ModelError } from "./errors.ts";
import type { ImageArray } from "./forms.ts";
import type { SeenAs } from "./model.ts";
import { onWhite, type PixelImage, type SharpImage, writePlanes } from "./pixels.ts";
import type { Platform } from "./platform.ts";
import { bytesOf, float32Of, kindOf } from "./realm.ts";
import { type Encoding, type RgbPixels, toGrey, toSquare } from "./resize.ts";

/**
 * A photo of any size: a path (Node) or an address, the bytes of a JPEG, PNG or WebP file, or a Blob of one; pixels as
 * ImageData, as {data, width, height} or as sharp gives them. In a page also what a canvas can draw: ImageBitmap, canvas,
 * img, video, VideoFrame. Text is read from wherever it says: never pass on what a stranger typed.
 */
export type Photo = string | URL | ArrayBufferView | ArrayBufferLike | Blob | PixelImage | SharpImage | Drawable;

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

/** What a canvas can draw; VideoFrame has only a size to display. */
export type Drawable =
  | { readonly width: unknown; readonly height: unknown }
  | { readonly displayWidth: unknown; readonly displayHeight: unknown };

/** Images in, one or several; numbers are [count, 3, r, r] in [-1, 1]. */
export type Images = ImageInput | ImageArray | readonly ImageInput[];

type Photos = Pick<Platform, "decode" | "readPhoto">;

/** Images as [n, 3, r, r], some at a time. */
export interface ImageSource {
  readonly count: number;
  take(start: number, n: number, signal?: AbortSignal): Promise<Float32Array>;
}

/** Values of images lie within about [-1, 1]; beyond this they are surely 0..255. */
const largestValue = 16;

/**
 * Photos are decoded, cropped and resized when they are taken, so that a long list of files needs little memory.
 * @throws ModelError IMAGE, here and from `take`, naming which of several
 */
export function imageSource(images: Images, shape: SeenAs, platform: Photos): ImageSource {
  const { resolution } = shape;
  const size = 3 * resolution ** 2;
  const values = float32Of(images) ?? float32Of((images as Partial<ImageArray> | null)?.data);
  if (values) {
    const count = values.length / size;
    if (!Number.isInteger(count)) {
      throw new ModelError(
        "IMAGE",
        `expected a whole number of images of 3 x ${resolution} x ${resolution} values, got ${values.length} values: ` +
          "give photos of other sizes as ImageData or files",
      );
    }
    return {
      count,
      take: async (start, n) => checkValues(values.slice(start * size, (start + n) * size), size, start),
    };
  }
  const list = (Array.isArray(images) ? images : [images]) as readonly ImageInput[];
  const take = async (start: number, n: number, signal?: AbortSignal) => {
    const planes = new Float32Array(n * size);
    for (let i = 0; i < n; i++) {
      signal?.throwIfAborted();
      try {
        planes.set(await prepare(list[start + i] as ImageInput, shape, platform, signal), i * size);
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
  shape: SeenAs,
  platform: Photos,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { resolution } = shape;
  const planes = new Float32Array(3 * resolution ** 2);
  const values = float32Of(image);
  if (values) {
    if (values.length === planes.length) return checkValues(values, planes.length, 0);
    throw new ModelError(
      "IMAGE",
      `expected 3 x ${resolution} x ${resolution} values, got ${values.length}: give photos of other sizes as ImageData or files`,
    );
  }
  const { photo, face } = isFacePhoto(image) ? image : { photo: image as Photo, face: undefined };
  const { pixels, encoding } = await decode(photo, platform, signal);
  writePlanes(planes, face ? toAligned(pixels, face, shape) : toSquare(pixels, shape, encoding));
  return planes;
}

async function decode(
  photo: Photo,
  platform: Photos,
  signal: AbortSignal | undefined,
): Promise<{ readonly pixels: RgbPixels; readonly encoding: Encoding }> {
  if (typeof photo === "string" || kindOf(photo) === "URL") {
    return platform.decode(await platform.readPhoto(photo as string | URL, signal));
  }
  const file = encodedBySharp(photo);
  if (file) return platform.decode(file);
  const pixels = pixelsOf(photo);
  return pixels ? { pixels: onWhite(pixels), encoding: "other" } : platform.decode(bytesOf(photo) ?? photo);
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

/** The bytes of a file that sharp wrote into memory. */
function encodedBySharp(photo: Photo): Uint8Array | undefined {
  const { data, info } = Object(photo) as Partial<SharpImage>;
  return info && info.format !== "raw" ? bytesOf(data) : undefined;
}

/** Of ImageData and its like, and of sharp; undefined where there are none. */
function pixelsOf(image: Photo): PixelImage | undefined {
  const { data, info, width, height } = Object(image) as Partial<PixelImage & SharpImage>;
  if (kindOf(data) !== "Uint8ClampedArray" && kindOf(data) !== "Uint8Array") return undefined;
  const size = info ?? { width, height };
  return { data: data as Uint8Array, width: size.width ?? 0, height: size.height ?? 0 };
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
