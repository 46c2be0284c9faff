import type { Colour, RgbPixels, Similarity } from "pioneer-runtime";
import { cornersOf } from "pioneer-runtime/internal";
import { squarePoint } from "./placement.ts";

/** An edited square and where it belongs. */
export interface PastedSquare {
  /** [3, side, side] in [-1, 1]. */
  readonly edited: Float32Array;
  /** How much of it each pixel takes, [side, side], 0..1. */
  readonly share: Float32Array;
  readonly side: number;
  /** From pixels of the photo to shares of the square. */
  readonly similarity: Similarity;
  /** Of a grey model only the lightness of the photo is changed. */
  readonly colour: Colour;
}

/** Width of the border over which the square fades into the photo, as a share of its side. */
const border = 0.08;

/**
 * The photo at its full size with an edited square in it. Pixels of which the square takes no share keep their bytes.
 * @returns [height, width, 3]
 */
export function pasteBack(photo: RgbPixels, square: PastedSquare): Uint8ClampedArray<ArrayBuffer> {
  const { width, height } = photo;
  const { similarity, side } = square;
  const pasted = new Uint8ClampedArray(photo.data);
  const corners = cornersOf(similarity);
  const [left, right] = extent(
    corners.map(([x]) => x),
    width,
  );
  const [top, bottom] = extent(
    corners.map(([, y]) => y),
    height,
  );
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [u, v] = squarePoint(similarity, [x + 0.5, y + 0.5]);
      const fade = smooth(Math.min(u, v, 1 - u, 1 - v) / border);
      if (fade === 0) continue;
      const weights = cubicWeights(u * side - 0.5, v * side - 0.5, side);
      const share = fade * Math.max(0, Math.min(1, sample(square.share, 0, weights)));
      if (share > 0) mix(pasted, 3 * (y * width + x), square, weights, share);
    }
  }
  return pasted;
}

function mix(pixels: Uint8ClampedArray, at: number, square: PastedSquare, weights: CubicWeights, share: number): void {
  const { edited, side, colour } = square;
  const value = (channel: number) => (sample(edited, channel * side * side, weights) + 1) * 127.5;
  const [red, green, blue] = [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number];
  if (colour === "grey") {
    const change = share * (value(0) - (0.299 * red + 0.587 * green + 0.114 * blue));
    pixels[at] = red + change;
    pixels[at + 1] = green + change;
    pixels[at + 2] = blue + change;
  } else {
    pixels[at] = red + share * (value(0) - red);
    pixels[at + 1] = green + share * (value(1) - green);
    pixels[at + 2] = blue + share * (value(2) - blue);
  }
}

/** First and last whole pixel between places, within a line. */
const extent = (places: readonly number[], length: number): [number, number] => [
  Math.max(0, Math.floor(Math.min(...places))),
  Math.min(length, Math.ceil(Math.max(...places))),
];

/** 0 below 0, 1 above 1, without a corner between (3t² - 2t³). */
const smooth = (t: number) => (t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t));

/** Sixteen places of a plane and what each counts. */
interface CubicWeights {
  readonly places: Int32Array;
  readonly values: Float64Array;
}

// One of each, used over and over: a photo has millions of pixels.
const shared: CubicWeights = { places: new Int32Array(16), values: new Float64Array(16) };

/** Catmull and Rom's cubic about a place of the square, in its pixels; beyond the edges the outermost are repeated. */
function cubicWeights(x: number, y: number, side: number): CubicWeights {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - column, y - row];
  for (let j = 0; j < 4; j++) {
    const line = clamp(row + j - 1, side) * side;
    const vertical = catmullRom(j, fy);
    for (let i = 0; i < 4; i++) {
      shared.places[4 * j + i] = line + clamp(column + i - 1, side);
      shared.values[4 * j + i] = vertical * catmullRom(i, fx);
    }
  }
  return shared;
}

const clamp = (index: number, side: number) => Math.max(0, Math.min(side - 1, index));

/** Weight of the i-th of four neighbours for a place t between the second and the third. */
function catmullRom(i: number, t: number): number {
  if (i === 0) return ((-t + 2) * t - 1) * t * 0.5;
  if (i === 1) return ((3 * t - 5) * t * t + 2) * 0.5;
  if (i === 2) return ((-3 * t + 4) * t + 1) * t * 0.5;
  return (t - 1) * t * t * 0.5;
}

function sample(plane: Float32Array, start: number, { places, values }: CubicWeights): number {
  let sum = 0;
  for (let i = 0; i < 16; i++) sum += (values[i] as number) * (plane[start + (places[i] as number)] as number);
  return sum;
}
