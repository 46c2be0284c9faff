import { encodingOf } from "../encoding.ts";
import { firstLine, ModelError } from "../errors.ts";
import type { FileType } from "../forms.ts";
import { isBlob, kindOf } from "../realm.ts";
import type { Encoding, RgbPixels } from "../resize.ts";

/** The bytes of a file, a Blob, or what a canvas can draw; upright, on white, in sRGB. */
export async function decodePhoto(image: unknown): Promise<{ pixels: RgbPixels; encoding: Encoding }> {
  if (image instanceof Uint8Array) return decodePhoto(new Blob([image as Uint8Array<ArrayBuffer>]));
  if (!isBlob(image)) {
    const source = asDrawable(image);
    const [width, height] = sizeOf(source);
    return { pixels: draw(source, width, height), encoding: "other" };
  }
  if (image.size === 0) throw new ModelError("IMAGE", "an image file is empty (0 bytes)");
  const encoding = encodingOf(new Uint8Array(await image.slice(0, 12).arrayBuffer()));
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, { imageOrientation: "from-image" });
  } catch (error) {
    throw new ModelError("IMAGE", `an image file cannot be decoded: ${firstLine(error)}`, { cause: error });
  }
  try {
    return { pixels: draw(bitmap, bitmap.width, bitmap.height), encoding };
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

/** Pixels as they are, on white. */
function draw(source: CanvasImageSource, width: number, height: number): RgbPixels {
  let rgba: Uint8ClampedArray;
  try {
    const context = contextOf(new OffscreenCanvas(width, height));
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.drawImage(source, 0, 0);
    rgba = context.getImageData(0, 0, width, height).data;
  } catch (error) {
    const tainted = (error as Error).name === "SecurityError";
    const why = tainted
      ? 'it came from another server: set crossorigin="anonymous" on the img before its src, and let that server allow this page (CORS)'
      : firstLine(error);
    throw new ModelError("IMAGE", `an image of ${width}x${height} cannot be read: ${why}`, { cause: error });
  }
  const data = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from] as number;
    data[to + 1] = rgba[from + 1] as number;
    data[to + 2] = rgba[from + 2] as number;
  }
  return { data, width, height };
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  // willReadFrequently keeps the pixels in memory, where nothing rounds them once more.
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (!context) throw new ModelError("IMAGE", "this browser gives no 2D canvas");
  return context;
}

function asDrawable(image: unknown): Exclude<CanvasImageSource, SVGImageElement> {
  const kinds = [
    "ImageBitmap",
    "HTMLCanvasElement",
    "OffscreenCanvas",
    "HTMLImageElement",
    "HTMLVideoElement",
    "VideoFrame",
  ];
  const kind = kindOf(image);
  if (kinds.includes(kind)) return image as Exclude<CanvasImageSource, SVGImageElement>;
  throw new ModelError(
    "IMAGE",
    `${kind} is no image: give an address, ImageData, a Blob or the bytes of a file, a canvas, an img or a Float32Array`,
  );
}

/** Its own size, whatever size the page shows it in. */
function sizeOf(source: Exclude<CanvasImageSource, SVGImageElement>): [width: number, height: number] {
  const size: [number, number] =
    "naturalWidth" in source
      ? [source.naturalWidth, source.naturalHeight]
      : "videoWidth" in source
        ? [source.videoWidth, source.videoHeight]
        : "displayWidth" in source
          ? [source.displayWidth, source.displayHeight]
          : [source.width, source.height];
  if (size[0] > 0 && size[1] > 0) return size;
  throw new ModelError("IMAGE", "an image has no size: wait until it has loaded (await img.decode())");
}
