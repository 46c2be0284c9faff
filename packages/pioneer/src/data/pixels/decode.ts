import {
  alignedSquare,
  type Crop,
  type FacePoints,
  type FaceTemplate,
  faceProblem,
  faceSimilarity,
  shareBeyond,
} from "pioneer-runtime";
import { type Region, regionOfSquare, squareOfRegion } from "pioneer-runtime/internal";
import sharp, { type Metadata, type Sharp } from "sharp";
import { DataError } from "../../base/errors.ts";
import { refusalOfKind } from "../../base/file-kind.ts";
import { formatBytes } from "../../base/format.ts";
import { Room } from "../../base/room.ts";
import { usualMostPixels } from "../../config/photo-limits.ts";

/** An image already decoded: HWC interleaved, 3 channels. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** A square of the model's or pack's resolution. */
export interface SquareImage {
  /** [resolution, resolution, 3], sRGB 0..255. */
  readonly pixels: Uint8Array;
  /** Size as shown (after EXIF orientation), before cropping. */
  readonly width: number;
  readonly height: number;
  /** Whether the photo is smaller than the square made of it. */
  readonly enlarged: boolean;
  /** Share of the square that lies beyond the photo; 0 for a crop. */
  readonly beyond: number;
}

/** What photos take while they are decoded, on all threads together; what takes more is decoded alone. */
const decoding = new Room(512 * 2 ** 20);
/** What one photo may take, where nobody says how many pixels it may have. */
const mostDecoded = 2 ** 30;

/** For parts of photos that are decoded, and wait to be resampled one after the other: that of a large photo takes 70 MB. */
const regions = new Room(256 * 2 ** 20);

/** The authors' CelebA crop: short side and middle square, then the resolution (docs/algorithm.md, section 5). */
export const celebaSide = 128;

/** Bits a channel by libvips' name of the pixel type; others (floating point) have no agreed range. */
const depths: Record<string, 8 | 16> = { uchar: 8, ushort: 16 };

/**
 * Any photo as a square: EXIF orientation applied, alpha composited on white, grey repeated to three channels, 16-bit
 * values divided by 257, CMYK and colour profiles converted to sRGB, the first frame of an animation.
 * Cropped, then resized once, bilinear with antialiasing: libvips' "linear", which differs from Pillow's BILINEAR by
 * 0.1 to 1.0 of 255 on average on reductions by 1.2 to 15 (its other kernels by 0.3 to 18). "celeba" resizes twice, as
 * the authors do, unless the resolution is 128.
 * @param given      an encoded image (jpg, png, webp, avif, tiff, gif), or raw pixels
 * @param resolution side of the square
 * @param maxPixels  of a photo; by default 268,402,689, and 1 GiB of memory
 * @throws DataError in one line, without the file's name: cannot be decoded, too large, or not square with crop "none"
 */
export async function decodeSquare(
  given: Buffer | RawImage,
  resolution: number,
  crop: Crop,
  maxPixels?: number,
): Promise<SquareImage> {
  const { image, size } = await open(given, maxPixels);
  const { width, height } = size;
  if (crop === "none" && width !== height) {
    throw new DataError(`is ${width}x${height}, not square; crop it, or use crop center`);
  }
  const enlarged = Math.min(width, height) < resolution;
  if (!Buffer.isBuffer(image) && width === resolution && height === resolution && crop !== "celeba") {
    return { pixels: image.pixels, width, height, enlarged, beyond: 0 };
  }
  const side = crop === "celeba" ? celebaSide : resolution;
  let pixels = await decoding.hold(size.memory, () => toRgb(fitSquare(load(image), side), size.bits === 16));
  if (side !== resolution) {
    pixels = await toRgb(fitSquare(load({ width: side, height: side, pixels }), resolution), false);
  }
  return { pixels, width, height, enlarged, beyond: 0 };
}

/**
 * Any photo as a square in which its face lies on a template: turned, scaled and moved as one, resampled once from the
 * photo at its full size, with antialiasing, its outermost pixels repeated beyond its edges (pioneer-runtime's
 * `alignedSquare`, so that a page computes the same). The conversions are those of `decodeSquare`.
 * @param face in pixels of the upright photo
 * @throws DataError in one line, without the file's name: cannot be decoded, too large, or the face is not inside the photo
 */
export async function decodeAligned(
  given: Buffer | RawImage,
  resolution: number,
  face: FacePoints,
  template: FaceTemplate,
  maxPixels?: number,
): Promise<SquareImage> {
  const { image, size } = await open(given, maxPixels);
  const problem = faceProblem(face, size);
  if (problem !== undefined) throw new DataError(problem);
  const similarity = faceSimilarity(face, template);
  const { width, height } = size;
  // Not by sideOf, whose root rounds ties another way: how many are enlarged is a part of the pack, whose bytes stay.
  const enlarged = similarity.a ** 2 + similarity.b ** 2 > 1 / resolution ** 2;
  const facts = { width, height, enlarged, beyond: shareBeyond(size, similarity) };
  if (!Buffer.isBuffer(image)) {
    return { ...facts, pixels: alignedSquare({ ...size, data: image.pixels }, similarity, resolution) };
  }
  // libvips decodes the whole file and hands over only what the square is made of.
  const region: Region = regionOfSquare(size, similarity, resolution);
  const pixels = await regions.hold(3 * region.width * region.height, async () => {
    const data = await decoding.hold(size.memory, () => toRgb(load(image).extract({ ...region }), size.bits === 16));
    return squareOfRegion({ ...region, data }, region, similarity, resolution);
  });
  return { ...facts, pixels };
}

/**
 * A whole photo, neither cropped nor resized, with the same conversions as `decodeSquare`.
 * @throws DataError if it cannot be decoded
 */
export async function decodeWhole(file: Buffer, maxPixels?: number): Promise<RawImage> {
  const { image, size } = await open(file, maxPixels);
  const { width, height, memory } = size;
  const pixels = await decoding.hold(memory + 3 * width * height, () => toRgb(load(image), size.bits === 16));
  return { width, height, pixels };
}

/** What the header of an image file says. */
export interface ImageHeader {
  /** As shown. */
  readonly width: number;
  readonly height: number;
  readonly bits: 8 | 16;
  /** Bytes that its decoder takes, roughly. */
  readonly memory: number;
  /** 16-bit grey with a colour profile, which libvips leaves alone. */
  readonly isDeepProfiledGrey: boolean;
}

/**
 * Size as shown, from the image's header alone.
 * @throws DataError if it is not an image, or too large to be decoded
 */
export async function readSize(image: Buffer, maxPixels?: number): Promise<ImageHeader> {
  if (image.length === 0) throw new DataError("is empty (0 bytes)");
  let found: Metadata;
  try {
    // What is larger than may be read is refused below, with its size.
    found = await sharp(image, { limitInputPixels: false }).metadata();
  } catch (error) {
    throw unreadable(error, image);
  }
  const { autoOrient, depth } = found;
  const { width, height } = autoOrient;
  const bits = depths[depth ?? "uchar"];
  if (bits === undefined)
    throw new DataError(`cannot be decoded: ${depth} pixels are not supported; convert it to 8 or 16 bits`);
  const memory = memoryOf(found);
  checkSize(width, height, memory, maxPixels);
  return { width, height, bits, memory, isDeepProfiledGrey: found.space === "grey16" && found.hasProfile };
}

/** @throws DataError that says how to have it read all the same */
function checkSize(width: number, height: number, memory: number, maxPixels: number | undefined): void {
  const pixels = width * height;
  const most = maxPixels ?? usualMostPixels;
  const isTooMuch = maxPixels === undefined && memory > mostDecoded;
  if (pixels <= most && !isTooMuch) return;
  const limit = pixels > most ? `${most} pixels are read` : `${formatBytes(mostDecoded)} are taken`;
  throw new DataError(
    `is too large: ${width}x${height}, decoding takes ${formatBytes(memory)}; at most ${limit}: make it smaller, or give --max-pixels ${pixels} if this machine has the memory`,
  );
}

/** A photo that may be decoded, with its header. */
interface Opened<Image> {
  readonly image: Image;
  readonly size: Pick<ImageHeader, "width" | "height" | "bits" | "memory">;
}

/** Pixels are taken as they are, and need nothing more while they are read. */
async function open<Image extends Buffer | RawImage>(
  image: Image,
  maxPixels?: number,
): Promise<Opened<Image | Buffer>> {
  if (!Buffer.isBuffer(image)) {
    const { width, height } = image;
    return { image, size: { width, height, bits: 8, memory: 1 } };
  }
  const size = await readSize(image, maxPixels);
  if (!size.isDeepProfiledGrey) return { image, size };
  const { width, height } = size;
  const memory = size.memory + 2 * width * height;
  return { image: await decoding.hold(memory, () => toShallowGrey(image)), size: { ...size, bits: 8, memory } };
}

/** 16-bit grey as an 8-bit PNG with the same profile, which libvips then applies. */
async function toShallowGrey(image: Buffer): Promise<Buffer> {
  const grey = sharp(image, { failOn: "error", limitInputPixels: false, autoOrient: true }).toColourspace("b-w");
  return await decoded(grey.keepIccProfile().png({ compressionLevel: 0 }).toBuffer());
}

/** JPEG and PNG come in strips from above, unless they are progressive: then all of it is there at once, as of other formats. */
function memoryOf({ format, width, height, channels, depth, isProgressive, chromaSubsampling }: Metadata): number {
  const pixels = width * height;
  const samples = pixels * channels * (depth === "ushort" ? 2 : 1);
  if ((format === "jpeg" || format === "png") && !isProgressive) return 2 ** 16 + samples / 16;
  // Of a progressive JPEG the coefficients, 16 bits each.
  if (format === "jpeg") return 2 * pixels * (chromaSubsampling === "4:2:0" ? 1.5 : channels);
  return samples;
}

/** Whether every pixel of RGB data has R = G = B. */
export function isGrey(pixels: Uint8Array): boolean {
  for (let i = 0; i < pixels.length; i += 3) {
    if (pixels[i] !== pixels[i + 1] || pixels[i] !== pixels[i + 2]) return false;
  }
  return true;
}

/** Luma of RGB pixels, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as Pillow's "L"). @returns one channel */
export function toGrey(pixels: Uint8Array): Uint8Array {
  const grey = new Uint8Array(pixels.length / 3);
  for (let i = 0, j = 0; i < grey.length; i++, j += 3) {
    const [red, green, blue] = [pixels[j] as number, pixels[j + 1] as number, pixels[j + 2] as number];
    grey[i] = Math.round((299 * red + 587 * green + 114 * blue) / 1000);
  }
  return grey;
}

/** One channel repeated to three. */
export function repeatGrey(grey: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) pixels.fill(grey[i] as number, 3 * i, 3 * i + 3);
  return pixels;
}

function load(image: Buffer | RawImage): Sharp {
  if (!Buffer.isBuffer(image)) {
    const { width, height, pixels } = image;
    return sharp(pixels, { raw: { width, height, channels: 3 } });
  }
  // "error" lets files pass that decode whole but with a remark; a file cut short fails.
  return sharp(image, { failOn: "error", limitInputPixels: false, autoOrient: true }).flatten({
    background: "#ffffff",
  });
}

/** Short side to `side`, then the middle square. */
function fitSquare(image: Sharp, side: number): Sharp {
  return image.resize(side, side, { fit: "cover", position: "centre", kernel: "linear" });
}

/** @param deep more than 8 bits a channel: libvips would drop the low byte, we divide by 257 */
async function toRgb(image: Sharp, deep: boolean): Promise<Uint8Array> {
  const output = image.toColourspace(deep ? "rgb16" : "srgb").raw({ depth: deep ? "ushort" : "uchar" });
  const { data, info } = await decoded(output.toBuffer({ resolveWithObject: true }));
  const pixels = deep ? divideBy257(data) : new Uint8Array(data.buffer, data.byteOffset, data.length);
  if (info.channels === 1) return repeatGrey(pixels);
  if (info.channels === 3) return pixels;
  throw new DataError(`cannot be decoded: it has ${info.channels} channels after conversion to sRGB`);
}

/**
 * Always these words: which part of libvips is the first to say something differs from run to run, and the reason is a part
 * of the pack.
 */
async function decoded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new DataError("cannot be decoded: its data are damaged or cut short", { cause: error });
  }
}

function divideBy257(data: Buffer): Uint8Array {
  const pixels = new Uint8Array(data.length / 2);
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.round(data.readUInt16LE(2 * i) / 257);
  return pixels;
}

/** By what it begins with, whatever its name says. */
function unreadable(error: unknown, image: Buffer): DataError {
  const refusal = refusalOfKind(image, "FILE");
  if (refusal !== undefined) return new DataError(refusal, { cause: error });
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return new DataError(`cannot be decoded: ${line}`, { cause: error });
}
