import type { RawImage } from "./decode.ts";

// Pillow's bilinear resize on 8-bit pixels, to the bit (libImaging/Resample.c): a triangle filter as wide as the
// reduction, weights in fixed point, each row first, then each column, rounded to 8 bits in between. (Pillow of the
// authors' time and until 9.5 at least; 13 takes columns first where that is less work, and differs by 1 then.)

const precisionBits = 32 - 8 - 2;

/** For each output pixel of a line: the first input pixel, and the weights of it and those after it. */
interface Weights {
  readonly starts: Int32Array;
  readonly values: readonly Int32Array[];
}

/** `Image.resize((width, height), BILINEAR)`. */
export function resizeBilinear(image: RawImage, width: number, height: number): RawImage {
  const rows = width === image.width ? image : resizeRows(image, width);
  return height === image.height ? rows : resizeColumns(rows, height);
}

/**
 * torchvision's Resize(side): the short side to `side`, the long one in proportion, rounded down.
 */
export function resizeShortSide(image: RawImage, side: number): RawImage {
  const { width, height } = image;
  return width < height
    ? resizeBilinear(image, side, Math.floor((side * height) / width))
    : resizeBilinear(image, Math.floor((side * width) / height), side);
}

/** torchvision's CenterCrop(side), of an image that is not smaller; halves are rounded to even, as Python does. */
export function cropCenter({ width, height, pixels }: RawImage, side: number): RawImage {
  const left = roundHalfEven((width - side) / 2);
  const top = roundHalfEven((height - side) / 2);
  const cropped = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const start = ((top + y) * width + left) * 3;
    cropped.set(pixels.subarray(start, start + side * 3), y * side * 3);
  }
  return { width: side, height: side, pixels: cropped };
}

function resizeRows({ width, height, pixels }: RawImage, size: number): RawImage {
  const { starts, values } = weightsOf(width, size);
  const out = new Uint8Array(size * height * 3);
  for (let x = 0; x < size; x++) {
    const weights = values[x] as Int32Array;
    for (let y = 0; y < height; y++) {
      const from = (y * width + (starts[x] as number)) * 3;
      sumInto(out, (y * size + x) * 3, pixels, from, 3, weights);
    }
  }
  return { width: size, height, pixels: out };
}

function resizeColumns({ width, height, pixels }: RawImage, size: number): RawImage {
  const { starts, values } = weightsOf(height, size);
  const out = new Uint8Array(width * size * 3);
  for (let y = 0; y < size; y++) {
    const weights = values[y] as Int32Array;
    for (let x = 0; x < width; x++) {
      const from = ((starts[y] as number) * width + x) * 3;
      sumInto(out, (y * width + x) * 3, pixels, from, width * 3, weights);
    }
  }
  return { width, height: size, pixels: out };
}

/** One output pixel of three channels; `stride` is the way from one input pixel to the next. */
function sumInto(
  out: Uint8Array,
  to: number,
  pixels: Uint8Array,
  from: number,
  stride: number,
  weights: Int32Array,
): void {
  const half = 1 << (precisionBits - 1);
  let [red, green, blue] = [half, half, half];
  for (let i = 0, at = from; i < weights.length; i++, at += stride) {
    const weight = weights[i] as number;
    red += (pixels[at] as number) * weight;
    green += (pixels[at + 1] as number) * weight;
    blue += (pixels[at + 2] as number) * weight;
  }
  // Weights are not negative and sum to about 1: no value goes beyond 255 but by rounding.
  out[to] = Math.min(255, red >> precisionBits);
  out[to + 1] = Math.min(255, green >> precisionBits);
  out[to + 2] = Math.min(255, blue >> precisionBits);
}

function weightsOf(from: number, to: number): Weights {
  const scale = from / to;
  const support = Math.max(1, scale);
  const perPixel = 1 / support; // a product, as there: it rounds otherwise than a quotient
  const starts = new Int32Array(to);
  const values = Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    starts[i] = first;
    const exact = Array.from({ length: end - first }, (_unused, j) =>
      Math.max(0, 1 - Math.abs((j + first - center + 0.5) * perPixel)),
    );
    const sum = exact.reduce((total, weight) => total + weight, 0);
    return Int32Array.from(exact, (weight) => Math.trunc(0.5 + (weight / sum) * (1 << precisionBits)));
  });
  return { starts, values };
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}
