import { readFile } from "node:fs/promises";
import { encodingOf } from "../encoding.ts";
import { firstLine, ModelError } from "../errors.ts";
import { noImage } from "../no-image.ts";
import { fetchPhoto } from "../photo-address.ts";
import type { FileType } from "../pixels.ts";
import { isBlob } from "../realm.ts";
import type { Encoding, RgbPixels } from "../resize.ts";
import { pathOf } from "./read.ts";

/** Letters of a path in a message. */
const longestShown = 200;

type Sharp = typeof import("sharp").default;

/** A file in memory, or a Blob, upright and on white; colour profiles, CMYK and 16 bits become 8-bit sRGB. */
export async function decodePhoto(image: unknown): Promise<{ pixels: RgbPixels; encoding: Encoding }> {
  const file = await bytesOf(image);
  if (file.length === 0) throw new ModelError("IMAGE", "an image file is empty (0 bytes)");
  const sharp = await importSharp("to read image files");
  try {
    const { depth, space, hasProfile } = await sharp(file).metadata();
    // libvips leaves the profile of 16-bit grey alone; of 8 bits it is applied.
    const isDeepGrey = space === "grey16" && hasProfile;
    const deep = depth === "ushort" && !isDeepGrey;
    const photo = isDeepGrey ? await toShallowGrey(sharp, file) : file;
    const { data, info } = await sharp(photo, { failOn: "error", autoOrient: true })
      .flatten({ background: "#ffffff" })
      .toColourspace(deep ? "rgb16" : "srgb")
      .raw({ depth: deep ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    const bytes = deep ? divideBy257(data) : data;
    return { pixels: { data: toThree(bytes, channels), width, height }, encoding: encodingOf(file) };
  } catch (error) {
    throw new ModelError("IMAGE", `an image file cannot be decoded: ${firstLine(error)}`, { cause: error });
  }
}

/** The bytes of a photo's file: of a path, a file: URL, or an http, data or blob address. */
export async function readPhoto(
  place: string | URL,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (/^(https?|data|blob):/i.test(String(place))) return fetchPhoto(String(place), signal);
  const path = pathOf(place);
  try {
    return new Uint8Array(await readFile(path, { signal }));
  } catch (error) {
    signal?.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
    if (path.length <= longestShown) throw new ModelError("IMAGE", `${path}: ${why}`, { cause: error });
    const mend = "text is a path or an address, of base64 data:image/jpeg;base64,...";
    throw new ModelError("IMAGE", `${path.slice(0, longestShown)}...: ${why}; ${mend}`, { cause: error });
  }
}

/** A PNG, JPEG or WebP file. @param quality of the last two, 0 to 1 */
export async function encodePhoto(
  rgba: Uint8ClampedArray,
  side: number,
  type: FileType,
  quality: number,
): Promise<Blob> {
  const sharp = await importSharp("to write image files");
  const opaque = sharp(rgba, { raw: { width: side, height: side, channels: 4 } }).removeAlpha();
  const percent = { quality: Math.max(1, Math.round(100 * quality)) };
  const files = {
    "image/png": () => opaque.png(),
    "image/jpeg": () => opaque.jpeg(percent),
    "image/webp": () => opaque.webp(percent),
  };
  return new Blob([new Uint8Array(await files[type]().toBuffer())], { type });
}

async function bytesOf(image: unknown): Promise<Uint8Array> {
  if (image instanceof Uint8Array) return image;
  if (isBlob(image)) return new Uint8Array(await image.arrayBuffer());
  throw noImage(image, "a path, the bytes of a file, a Blob, {data, width, height} or a Float32Array");
}

async function importSharp(purpose: string): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw new ModelError(
      "INSTALL",
      `${purpose} Node needs the package sharp: npm install sharp, or use {data, width, height} with RGBA (${firstLine(error)})`,
      { cause: error },
    );
  }
}

/** 16-bit grey as an 8-bit PNG with the same profile. */
function toShallowGrey(sharp: Sharp, file: Uint8Array): Promise<Buffer> {
  const grey = sharp(file, { failOn: "error", autoOrient: true }).toColourspace("b-w");
  return grey.keepIccProfile().png({ compressionLevel: 0 }).toBuffer();
}

function divideBy257(data: Uint8Array): Uint8Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Uint8Array.from({ length: data.length / 2 }, (_, i) => Math.round(view.getUint16(2 * i, true) / 257));
}

/** A single channel is grey and is repeated. */
function toThree(pixels: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return pixels;
  const rgb = new Uint8Array((pixels.length / channels) * 3);
  for (let i = 0; i < rgb.length; i += 3) rgb.fill(pixels[(i / 3) * channels] as number, i, i + 3);
  return rgb;
}
