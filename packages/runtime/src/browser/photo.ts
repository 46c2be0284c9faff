import { encodingOf } from "../encoding.ts";
import { firstLine, ModelError } from "../errors.ts";
import { noImage } from "../no-image.ts";
import type { FileType } from "../pixels.ts";
import type { Decoded, ExcerptOf } from "../platform.ts";
import { isBlob, kindOf } from "../realm.ts";
import type { Excerpt, RgbPixels } from "../resize.ts";

type Source = Exclude<CanvasImageSource, SVGImageElement>;

/** The bytes of a file, a Blob, or what a canvas can draw; upright, on white, in sRGB. */
export async function decodePhoto(image: unknown, excerptOf: ExcerptOf): Promise<Decoded> {
  if (image instanceof Uint8Array) return decodePhoto(new Blob([image as Uint8Array<ArrayBuffer>]), excerptOf);
  if (!isBlob(image)) {
    const source = asDrawable(image);
    const [width, height] = sizeOf(source);
    const excerpt = excerptOf({ width, height }, "other");
    return { pixels: await read(source, excerpt), encoding: "other", excerpt };
  }
  if (image.size === 0) throw new ModelError("IMAGE", "an image file is empty (0 bytes)");
  const encoding = encodingOf(new Uint8Array(await image.slice(0, 12).arrayBuffer()));
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, { imageOrientation: "from-image" });
  } catch (error) {
    const why = `${firstLine(error)} Whole JPEG, PNG and WebP files are read`;
    throw new ModelError("IMAGE", `an image file cannot be decoded: ${why}`, { cause: error });
  }
  try {
    const excerpt = excerptOf(bitmap, encoding);
    return { pixels: await read(bitmap, excerpt), encoding, excerpt };
  } finally {
    bitmap.close();
  }
}

/** A PNG, JPEG or WebP file. @param quality of the last two, 0 to 1 */
export async function encodePhoto(
  rgba: Uint8ClampedArray<ArrayBuffer>,
  side: number,
  type: FileType,
  quality: number,
): Promise<Blob> {
  const canvas = new OffscreenCanvas(side, side);
  contextOf(canvas).putImageData(new ImageData(rgba, side, side), 0, 0);
  const file = await canvas.convertToBlob({ type, quality });
  // Where a browser cannot write a format, it writes PNG.
  if (file.type !== type) {
    throw new ModelError("OPTION", `this browser cannot write ${type}: use "image/png" or "image/jpeg"`);
  }
  return file;
}

/** The pixels of an excerpt, on white; made smaller by the browser where the excerpt says so. */
async function read(source: Source, excerpt: Excerpt): Promise<RgbPixels> {
  const { left, top, width, height, factor } = excerpt;
  try {
    if (factor === 1) return draw(source, excerpt);
    const size = { width: Math.ceil(width / factor), height: Math.ceil(height / factor) };
    const smaller = await createImageBitmap(source, left, top, width, height, {
      resizeWidth: size.width,
      resizeHeight: size.height,
      resizeQuality: "high",
    });
    try {
      return draw(smaller, { left: 0, top: 0, ...size });
    } finally {
      smaller.close();
    }
  } catch (error) {
    const tainted = (error as Error).name === "SecurityError";
    const why = tainted
      ? 'it came from another server: set crossorigin="anonymous" on the img before its src, and let that server allow this page (CORS)'
      : firstLine(error);
    throw new ModelError("IMAGE", `an image of ${width}x${height} cannot be read: ${why}`, { cause: error });
  }
}

/** A canvas beyond 16384 pixels a side, or 4096 on some phones, draws nothing and says nothing: it reads in tiles of this. */
const tile = 1024;

/** Pixels as they are, on white. */
function draw(source: Source, { left, top, width, height }: Omit<Excerpt, "factor">): RgbPixels {
  const data = new Uint8Array(3 * width * height);
  const context = contextOf(new OffscreenCanvas(Math.min(tile, width), Math.min(tile, height)));
  context.fillStyle = "#ffffff";
  for (let y = 0; y < height; y += tile) {
    for (let x = 0; x < width; x += tile) {
      const [w, h] = [Math.min(tile, width - x), Math.min(tile, height - y)];
      context.fillRect(0, 0, w, h);
      context.drawImage(source, left + x, top + y, w, h, 0, 0, w, h);
      const rgba = context.getImageData(0, 0, w, h).data;
      for (let row = 0; row < h; row++) copyLine(rgba, 4 * row * w, data, 3 * ((y + row) * width + x), w);
    }
  }
  return { data, width, height };
}

/** RGBA to RGB. */
function copyLine(from: Uint8ClampedArray, start: number, to: Uint8Array, first: number, count: number): void {
  for (let i = 0, source = start, target = first; i < count; i++, source += 4, target += 3) {
    to[target] = from[source] as number;
    to[target + 1] = from[source + 1] as number;
    to[target + 2] = from[source + 2] as number;
  }
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  // willReadFrequently keeps the pixels in memory, where nothing rounds them once more.
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (!context) throw new ModelError("IMAGE", "this browser gives no 2D canvas");
  return context;
}

function asDrawable(image: unknown): Source {
  const kinds = [
    "ImageBitmap",
    "HTMLCanvasElement",
    "OffscreenCanvas",
    "HTMLImageElement",
    "HTMLVideoElement",
    "VideoFrame",
  ];
  if (kinds.includes(kindOf(image))) return image as Source;
  throw noImage(image, "an address, ImageData, a Blob or the bytes of a file, a canvas, an img or a Float32Array");
}

/** Its own size, whatever size the page shows it in. */
function sizeOf(source: Source): [width: number, height: number] {
  const size: [number, number] =
    "naturalWidth" in source
      ? [source.naturalWidth, source.naturalHeight]
      : "videoWidth" in source
        ? [source.videoWidth, source.videoHeight]
        : "displayWidth" in source
          ? [source.displayWidth, source.displayHeight]
          : [source.width, source.height];
  if (size[0] > 0 && size[1] > 0) return size;
  const why = "it has not loaded (await img.decode()), has no pixels, or was closed";
  throw new ModelError("IMAGE", `${kindOf(source)} has no size: ${why}`);
}
