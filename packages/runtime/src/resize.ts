import { ModelError } from "./errors.ts";
import type { Crop, SeenAs } from "./model.ts";

// Photos of any size to the square a model knows, in plain arithmetic: the same pixels give the same square in Node and
// in every page. The pack a model was trained on was made by libvips (packages/pioneer/src/data/pixels/decode.ts), whose
// geometry is followed here.

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Interleaved RGB, row by row from the top. */
export interface RgbPixels extends Size {
  /** [height, width, 3], sRGB 0..255. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** How a model saw photos that were cropped; every Model has these fields. */
export type SquareShape = Omit<SeenAs, "align">;

/** The authors' crop of CelebA: short side to this, its middle square, then to the resolution (docs/algorithm.md, 5). */
const celebaSide = 128;

/** Formats whose decoders can shrink while they read, which the pack's decoder makes use of. */
export type Encoding = "jpeg" | "webp" | "other";

/** Of a photo what has to be read, in its whole pixels, and by how much its decoder may make it smaller first. */
export interface Excerpt extends Size {
  readonly left: number;
  readonly top: number;
  /** A power of two. */
  readonly factor: number;
}

/** Pixels that are read at most: what is larger is made smaller on the way in. */
const mostPixels = 2 ** 24;

/** How much smaller a part of a photo has to be read, so that it has not more than `most` pixels. */
export function factorFor({ width, height }: Size, most: number = mostPixels): number {
  let factor = 1;
  while (width * height > most * factor ** 2) factor *= 2;
  return factor;
}

/** What `toSquare` has to see of a photo. */
export function excerptForSquare(
  size: Size,
  { crop, resolution }: Pick<SquareShape, "crop" | "resolution">,
  encoding: Encoding,
  most: number = mostPixels,
): Excerpt {
  const factor = factorFor(size, most);
  // What the pack's decoder leaves out at the far edges is left out here too.
  const boxes = factor > 1 && encoding === "jpeg" ? jpegFactor(reductionOf(size, crop, resolution)) : 1;
  const whole = (length: number) => boxes * Math.floor(length / boxes);
  return { left: 0, top: 0, width: whole(size.width), height: whole(size.height), factor };
}

/** For each pixel of a line: the first pixel before that counts, and the weights of it and those after it. */
interface Weights {
  readonly firsts: Int32Array;
  readonly values: readonly Float64Array[];
}

/**
 * Crops as the model's training data were cropped, and resizes: means over boxes down to about twice the size, then a
 * triangle filter as wide as the rest of the reduction.
 * @param encoding of the file the pixels come from
 * @param factor   how much smaller they are already than those of the file
 * @returns [resolution, resolution, 3], 0..255; grey three times for a grey model
 * @throws ModelError IMAGE for a photo that is not square with crop "none"
 */
export function toSquare(
  image: RgbPixels,
  shape: SquareShape,
  encoding: Encoding = "other",
  factor: number = 1,
): Uint8Array {
  const { width, height } = image;
  const { resolution, crop, colour } = shape;
  if (crop === "none" && width !== height) {
    throw new ModelError(
      "IMAGE",
      `an image of ${width}x${height} is not square, and this model crops none: crop it first`,
    );
  }
  const side = sideFirst(crop, resolution);
  const smaller = shrinkAsDecoder(image, reductionOf(image, crop, resolution), encoding, factor);
  let square = fitSquare(smaller, side);
  if (side !== resolution) square = fitSquare({ data: square, width: side, height: side }, resolution);
  return colour === "grey" ? toGrey(square) : square;
}

/** Photos are brought to this side first. */
const sideFirst = (crop: Crop, resolution: number): number => (crop === "celeba" ? celebaSide : resolution);

const reductionOf = ({ width, height }: Size, crop: Crop, resolution: number): number =>
  Math.min(width, height) / sideFirst(crop, resolution);

/** What libjpeg and libwebp would have decoded when sharp asks them for a smaller picture. */
function shrinkAsDecoder(image: RgbPixels, reduction: number, encoding: Encoding, before: number): RgbPixels {
  if (encoding === "jpeg") return shrink(image, jpegFactor(reduction * before) / before, Math.floor);
  return encoding === "webp" ? shrink(image, reduction, Math.round) : image;
}

/** libjpeg decodes to a half, a quarter or an eighth; libvips has it leave at least twice the size. */
function jpegFactor(reduction: number): number {
  const whole = [8, 4, 2, 1].find((factor) => factor <= reduction) ?? 1;
  return Math.floor(reduction) === whole ? Math.max(1, whole / 2) : whole;
}

/** Means over boxes of `factor` pixels. */
export function shrink(image: RgbPixels, factor: number, round: (length: number) => number): RgbPixels {
  if (factor <= 1) return image;
  const [width, height] = [round(image.width / factor), round(image.height / factor)];
  // libwebp fills the rounded size exactly; whole factors leave a box at the end that is cut off.
  const exact = Number.isInteger(factor);
  const across = boxes(image.width, width, exact ? factor : image.width / width);
  const down = boxes(image.height, height, exact ? factor : image.height / height);
  return { width, height, data: filter(image, across, down) };
}

/** Short side to `side`, then the middle square. */
function fitSquare(image: RgbPixels, side: number): Uint8Array {
  const { width, height } = image;
  if (width === side && height === side) return Uint8Array.from(image.data);
  const scale = Math.min(width, height) / side;
  const box = Math.max(1, Math.floor(scale / 2));
  const smaller = shrink(image, box, Math.ceil);
  const line = (length: number, before: number) =>
    triangles(length, side, startOf(before, side, scale) / box, scale / box);
  return filter(smaller, line(smaller.width, width), line(smaller.height, height));
}

/** Where the square begins along one side of the photo. The resized photo has whole pixels and lies centred; an odd rest is cut from its beginning. */
function startOf(length: number, side: number, scale: number): number {
  const resized = Math.round(length / scale);
  return (length - resized * scale) / 2 + Math.floor((resized - side + 1) / 2) * scale;
}

/** Weights of a triangle as wide as the reduction. Enlarging, libvips lies half a pixel of the result to the left, and so do we. */
function triangles(length: number, count: number, start: number, scale: number): Weights {
  const reach = Math.max(1, scale);
  const middle = scale < 1 ? 0 : 0.5;
  return weightsOf(length, count, (i) => {
    const center = start + (i + middle) * scale;
    return [center - reach, center + reach, (pixel) => Math.max(0, 1 - Math.abs(pixel + 0.5 - center) / reach)];
  });
}

/** Weights of the mean over `size` pixels; a pixel that lies in two boxes counts in both, by its parts. */
function boxes(length: number, count: number, size: number): Weights {
  return weightsOf(length, count, (i) => {
    const [from, to] = [i * size, Math.min(length, (i + 1) * size)];
    return [from, to, (pixel) => Math.max(0, Math.min(pixel + 1, to) - Math.max(pixel, from))];
  });
}

/** @param part of output pixel i: where its input begins and ends, and the weight of an input pixel */
function weightsOf(
  length: number,
  count: number,
  part: (i: number) => [from: number, to: number, weight: (pixel: number) => number],
): Weights {
  const firsts = new Int32Array(count);
  const values = Array.from({ length: count }, (_, i) => {
    const [from, to, weight] = part(i);
    const first = Math.min(length - 1, Math.max(0, Math.floor(from)));
    const end = Math.max(first + 1, Math.min(length, Math.ceil(to)));
    firsts[i] = first;
    const weights = Float64Array.from({ length: end - first }, (_unused, j) => weight(first + j));
    const sum = weights.reduce((total, value) => total + value, 0);
    return sum > 0 ? weights.map((value) => value / sum) : weights.fill(1 / weights.length);
  });
  return { firsts, values };
}

/** Each row, then each column, rounded once at the end. */
function filter({ data, width }: RgbPixels, across: Weights, down: Weights): Uint8Array {
  const [columns, lines] = [across.values.length, down.values.length];
  const top = down.firsts[0] as number;
  const bottom = (down.firsts[lines - 1] as number) + (down.values[lines - 1] as Float64Array).length;
  const line = 3 * columns;
  const rows = new Float32Array((bottom - top) * line);
  for (let y = top; y < bottom; y++) {
    for (let x = 0; x < columns; x++) {
      const first = across.firsts[x] as number;
      addWeighted(rows, (y - top) * line + 3 * x, data, 3 * (y * width + first), 3, across.values[x] as Float64Array);
    }
  }
  const sums = new Float32Array(lines * line);
  for (let y = 0; y < lines; y++) {
    const [first, weights] = [(down.firsts[y] as number) - top, down.values[y] as Float64Array];
    for (let x = 0; x < columns; x++) addWeighted(sums, y * line + 3 * x, rows, first * line + 3 * x, line, weights);
  }
  const pixels = new Uint8Array(sums.length);
  for (let i = 0; i < sums.length; i++) pixels[i] = (sums[i] as number) + 0.5;
  return pixels;
}

/** One pixel of three channels; `step` is the way from one pixel that counts to the next. */
function addWeighted(
  out: Float32Array,
  to: number,
  pixels: ArrayLike<number>,
  from: number,
  step: number,
  weights: Float64Array,
): void {
  let [red, green, blue] = [0, 0, 0];
  for (let i = 0, at = from; i < weights.length; i++, at += step) {
    const weight = weights[i] as number;
    red += weight * (pixels[at] as number);
    green += weight * (pixels[at + 1] as number);
    blue += weight * (pixels[at + 2] as number);
  }
  out[to] = red;
  out[to + 1] = green;
  out[to + 2] = blue;
}

/** Luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), three times. */
export function toGrey(pixels: Uint8Array): Uint8Array {
  const grey = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 3) {
    const [red, green, blue] = [pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number];
    grey.fill(Math.round((299 * red + 587 * green + 114 * blue) / 1000), i, i + 3);
  }
  return grey;
}
