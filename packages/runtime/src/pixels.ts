import { ModelError } from "./errors.ts";
import type { RgbPixels } from "./resize.ts";

/**
 * A photo of any size: a path (Node) or an address, the bytes of a JPEG, PNG or WebP file, or a Blob of one; pixels as
 * ImageData, as {data, width, height} or as sharp gives them. In a page also what a canvas can draw: ImageBitmap, canvas,
 * img, video, VideoFrame. Text is read from wherever it says: never pass on what a stranger typed.
 */
export type Photo = string | URL | ArrayBufferView | ArrayBufferLike | Blob | PixelImage | SharpImage | Drawable;

/** What a canvas can draw; VideoFrame has only a size to display. */
export type Drawable =
  | { readonly width: unknown; readonly height: unknown }
  | { readonly displayWidth: unknown; readonly displayHeight: unknown };

/** Of files that images are written as. */
export const fileTypes = ["image/png", "image/jpeg", "image/webp"] as const;
export type FileType = (typeof fileTypes)[number];

// Between the pixels of pictures (8 bits, interleaved) and the numbers of networks ([3, r, r] in [-1, 1]).

/** Pixels of a picture: ImageData is one. */
export interface PixelImage {
  /** [height, width, channels], 0..255: grey, grey and alpha, RGB or RGBA; alpha not multiplied in. */
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What sharp's `raw().toBuffer({ resolveWithObject: true })` gives. */
export interface SharpImage {
  readonly data: Uint8Array;
  readonly info: {
    readonly format: string;
    readonly width: number;
    readonly height: number;
    /** Of raw values; only bytes ("uchar") are taken. */
    readonly depth?: string;
  };
}

/** What pictures come out as: ImageData in a page, an object with its fields in Node. */
export type OutputImage = typeof globalThis extends { ImageData: { prototype: infer T } }
  ? T
  : { readonly data: Uint8ClampedArray<ArrayBuffer>; readonly width: number; readonly height: number };

/** An ImageBitmap, where there are any. */
export type OutputBitmap = typeof globalThis extends { ImageBitmap: { prototype: infer T } } ? T : never;

/**
 * RGB of pixels, on white.
 * @throws ModelError IMAGE if the data are not of the size that is said
 */
export function onWhite({ data, width, height }: PixelImage): RgbPixels {
  const channels = data.length / (width * height);
  if (!(Number.isInteger(width) && width > 0 && height > 0) || ![1, 2, 3, 4].includes(channels)) {
    throw new ModelError(
      "IMAGE",
      `an image of ${width}x${height} has ${width * height} pixels of 1 to 4 values, not ${data.length} values: give ImageData or {data, width, height} with a byte for each value`,
    );
  }
  const rgb = new Uint8Array(3 * width * height);
  const [green, blue] = channels > 2 ? [1, 2] : [0, 0];
  const opaque = channels % 2 === 1;
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    const alpha = opaque ? 1 : (data[from + channels - 1] as number) / 255;
    const white = 255 * (1 - alpha) + 0.5;
    rgb[to] = (data[from] as number) * alpha + white;
    rgb[to + 1] = (data[from + green] as number) * alpha + white;
    rgb[to + 2] = (data[from + blue] as number) * alpha + white;
  }
  return { data: rgb, width, height };
}

/** Interleaved bytes [r, r, 3] to planes [3, r, r] in [-1, 1]. */
export function writePlanes(planes: Float32Array, pixels: Uint8Array): void {
  const area = pixels.length / 3;
  for (let i = 0; i < area; i++) {
    for (let channel = 0; channel < 3; channel++) {
      planes[channel * area + i] = (pixels[3 * i + channel] as number) / 127.5 - 1;
    }
  }
}

/**
 * An image of a model as opaque RGBA; -1 becomes 0, 1 becomes 255, values outside are clamped.
 * @param planes [3, r, r]
 */
export function toRgba(planes: Float32Array, resolution: number): Uint8ClampedArray<ArrayBuffer> {
  const area = resolution * resolution;
  const rgba = new Uint8ClampedArray(4 * area).fill(255);
  for (let i = 0; i < area; i++) {
    for (let channel = 0; channel < 3; channel++) {
      rgba[4 * i + channel] = Math.floor(((planes[channel * area + i] as number) + 1) * 127.5 + 0.5);
    }
  }
  return rgba;
}
