import { type FacePoints, faceProblem, faceSimilarity, type Similarity } from "./align.ts";
import { alignedSquare, regionOfSquare, squareOfRegion } from "./aligned-square.ts";
import { ModelError } from "./errors.ts";
import type { ImageArray } from "./forms.ts";
import type { SeenAs } from "./model.ts";
import { onWhite, type Photo, type PixelImage, type SharpImage, writePlanes } from "./pixels.ts";
import type { Decoded, ExcerptOf, Platform } from "./platform.ts";
import { bytesOf, float32Of, isBlob, kindOf } from "./realm.ts";
import { type Excerpt, excerptForSquare, factorFor, type RgbPixels, type Size, toGrey, toSquare } from "./resize.ts";

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

/** Images in, one or several; numbers are [count, 3, r, r] in [-1, 1]. */
export type Images = ImageInput | ImageArray | readonly ImageInput[];

type Photos = Pick<Platform, "decode" | "readPhoto" | "square">;

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
  const values = float32Of(images) ?? numbersOf(images as ImageArray | null, resolution);
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

/**
 * The numbers of what `as: "array"` gave; undefined for what is none.
 * @throws ModelError IMAGE if they are of another shape: pixels one after the other would be taken for planes
 */
function numbersOf(images: ImageArray | null, resolution: number): Float32Array | undefined {
  const values = float32Of(images?.data);
  if (!values) return undefined;
  const shape = Array.from(images?.shape ?? []);
  const count = values.length / (3 * resolution ** 2);
  if (shape.join() === [count, 3, resolution, resolution].join()) return values;
  throw new ModelError(
    "IMAGE",
    `numbers of the shape [${shape.join(", ")}] are no images of [count, 3, ${resolution}, ${resolution}]: give pixels as bytes`,
  );
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
  const cut = platform.square ?? ((...call) => squareOf(platform, ...call));
  writePlanes(planes, await cut(photo, face, shape, signal));
  return planes;
}

/**
 * A photo as a model sees it.
 * @returns [r, r, 3], 0..255
 * @throws ModelError IMAGE, OPTION
 */
export async function squareOf(
  photos: Pick<Platform, "decode" | "readPhoto">,
  photo: Photo,
  face: FacePoints | undefined,
  shape: SeenAs,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const excerptOf: ExcerptOf = (size, encoding) =>
    face ? excerptOfFace(size, face, shape) : excerptForSquare(size, shape, encoding);
  const { pixels, encoding, excerpt } = await decode(photo, photos, excerptOf, signal);
  if (!face) return toSquare(pixels, shape, encoding, excerpt?.factor);
  const { resolution, colour } = shape;
  const square = excerpt
    ? squareOfRegion(pixels, ...readSmaller(excerpt, similarityOf(face, shape)), resolution)
    : alignedSquare(pixels, similarityIn(pixels, face, shape), resolution);
  return colour === "grey" ? toGrey(square) : square;
}

/**
 * All of a photo, upright.
 * @returns factor: how much smaller it is than the photo, which may have too many pixels
 * @throws ModelError IMAGE
 */
export async function wholePhoto(
  photo: Photo,
  photos: Pick<Platform, "decode" | "readPhoto">,
): Promise<{ pixels: RgbPixels; factor: number }> {
  const given = pixelsOf(photo);
  // As they are: RGB is not copied.
  if (given?.data instanceof Uint8Array && given.data.length === 3 * given.width * given.height) {
    return { pixels: { ...given, data: given.data }, factor: 1 };
  }
  const all: ExcerptOf = ({ width, height }) => ({
    left: 0,
    top: 0,
    width,
    height,
    factor: factorFor({ width, height }),
  });
  const { pixels, excerpt } = await decode(photo, photos, all, undefined);
  return { pixels, factor: excerpt?.factor ?? 1 };
}

/** Where a region begins and how it lies, in pixels that are larger by its factor. */
function readSmaller(
  { left, top, factor }: Excerpt,
  { a, b, dx, dy }: Similarity,
): [region: Pick<Excerpt, "left" | "top">, similarity: Similarity] {
  return [
    { left: left / factor, top: top / factor },
    { a: a * factor, b: b * factor, dx, dy },
  ];
}

/** The file, the pixels or the drawing that a photo is. @returns undefined for what has to be drawn */
export async function fileOrPixels(
  photo: Photo,
  { readPhoto }: Pick<Platform, "readPhoto">,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | Blob | PixelImage | undefined> {
  if (typeof photo === "string" || kindOf(photo) === "URL") return readPhoto(photo as string | URL, signal);
  return encodedBySharp(photo) ?? pixelsOf(photo) ?? bytesOf(photo) ?? (isBlob(photo) ? photo : undefined);
}

async function decode(
  photo: Photo,
  photos: Pick<Platform, "decode" | "readPhoto">,
  excerptOf: ExcerptOf,
  signal: AbortSignal | undefined,
): Promise<Decoded> {
  const source = (await fileOrPixels(photo, photos, signal)) ?? photo;
  const image = pixelsOf(source);
  return image ? { pixels: onWhite(image), encoding: "other" } : photos.decode(source, excerptOf);
}

/** @throws ModelError */
function excerptOfFace(size: Size, face: FacePoints, shape: SeenAs): Excerpt {
  const region = regionOfSquare(size, similarityIn(size, face, shape), shape.resolution);
  return { ...region, factor: factorFor(region) };
}

/** @throws ModelError for a face that is none, or lies beyond the photo */
function similarityIn(size: Size, face: FacePoints, shape: SeenAs): Similarity {
  const problem = shape.align ? faceProblem(face, size) : undefined;
  if (problem !== undefined) throw new ModelError("IMAGE", `a photo ${problem}`);
  return similarityOf(face, shape);
}

function similarityOf(face: FacePoints, { align }: SeenAs): Similarity {
  if (align) return faceSimilarity(face, align);
  throw new ModelError("OPTION", "a photo came with its face, and this model's photos were not aligned: give it alone");
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
  if (kindOf(data) !== "Uint8ClampedArray" && kindOf(data) !== "Uint8Array") {
    // A half-float ImageData, or pixels as a list.
    if (data === undefined || (width === undefined && info === undefined)) return undefined;
    const mend = "give a Uint8ClampedArray or Uint8Array, a byte for each value";
    throw new ModelError("IMAGE", `an image's data are ${kindOf(data)}: ${mend}`);
  }
  // Of 16 bits there are two bytes for each value: those of grey would pass for grey and alpha.
  if (info?.depth !== undefined && info.depth !== "uchar") {
    throw new ModelError("IMAGE", `sharp gave values of ${info.depth}: ask it for bytes, raw({ depth: "uchar" })`);
  }
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
