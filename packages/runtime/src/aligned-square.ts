import { type Point, photoPoint, type Similarity, sideOf } from "./align.ts";
import { type RgbPixels, shrink } from "./resize.ts";

// A square cut out of a photo at any place, size and angle, in plain arithmetic: the same pixels give the same square in
// a pack, in Node and in every page. Beyond its edges the photo's outermost pixels are repeated.

/** Part of a photo, in whole pixels. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The square of a photo that a similarity brings to [0, 1] x [0, 1], resampled once, with antialiasing. Reducing, a pixel
 * is the mean under a tent as wide as two of the square's pixels and turned as they are; a reduction by four or more
 * begins with means over whole boxes, which leave two to three of it, as `toSquare` does. Enlarging, it is bilinear.
 * @returns [resolution, resolution, 3], 0..255
 */
export function alignedSquare(photo: RgbPixels, similarity: Similarity, resolution: number): Uint8Array {
  const region = regionOfSquare(photo, similarity, resolution);
  return squareOfRegion(cutOut(photo, region), region, similarity, resolution);
}

/** The part of a photo that its square depends on; a decoder may leave out the rest. */
export function regionOfSquare(
  size: { readonly width: number; readonly height: number },
  similarity: Similarity,
  resolution: number,
): Region {
  const corners = cornersOf(similarity);
  // As far as a tent reaches across its corner, and a box.
  const margin = 2 * Math.max(1, sideOf(similarity) / resolution) + 1;
  const extent = (places: readonly number[], length: number) =>
    repeatedExtent(Math.floor(Math.min(...places) - margin), Math.ceil(Math.max(...places) + margin), length);
  const [left, width] = extent(
    corners.map(([x]) => x),
    size.width,
  );
  const [top, height] = extent(
    corners.map(([, y]) => y),
    size.height,
  );
  return { left, top, width, height };
}

/** Which pixels of a line those from `first` to before `end` are, where its ends are repeated. */
function repeatedExtent(first: number, end: number, length: number): [start: number, count: number] {
  const start = within(first, length);
  return [start, within(end - 1, length) + 1 - start];
}

/** The pixel of a line that is nearest to an index. */
const within = (index: number, length: number): number => Math.max(0, Math.min(index, length - 1));

/**
 * How much of the square that a similarity cuts out lies beyond the photo, where its outermost pixels are repeated.
 * @returns share of the square's area, from 0 to 1
 */
export function shareBeyond(size: { readonly width: number; readonly height: number }, similarity: Similarity): number {
  const { a, b } = similarity;
  // What the photo's edges leave of the square, one after the other (Sutherland and Hodgman, CACM 1974).
  const edges: ((point: Point) => number)[] = [
    ([x]) => x,
    ([x]) => size.width - x,
    ([, y]) => y,
    ([, y]) => size.height - y,
  ];
  const inside = edges.reduce<readonly Point[]>(clipped, cornersOf(similarity));
  const area = inside.reduce((sum, [x, y], i) => {
    const [fromX, fromY] = inside.at(i - 1) as Point;
    return sum + (fromX * y - x * fromY) / 2;
  }, 0);
  return Math.max(0, 1 - area * (a * a + b * b));
}

/** The square's corners in pixels of the photo, clockwise as seen. */
export function cornersOf(similarity: Similarity): Point[] {
  const corners: Point[] = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ];
  return corners.map((corner) => photoPoint(similarity, corner));
}

/** The part of a convex polygon that lies where a linear function is not negative. */
function clipped(polygon: readonly Point[], depthOf: (point: Point) => number): Point[] {
  return polygon.flatMap((to, i) => {
    const from = polygon.at(i - 1) as Point;
    const [before, now] = [depthOf(from), depthOf(to)];
    const part = before / (before - now);
    const crossing: Point = [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])];
    return [...(before < 0 !== now < 0 ? [crossing] : []), ...(now < 0 ? [] : [to])];
  });
}

/** `alignedSquare` where only its region of the photo was decoded. @param pixels those of the region */
export function squareOfRegion(
  pixels: RgbPixels,
  { left, top }: Pick<Region, "left" | "top">,
  similarity: Similarity,
  resolution: number,
): Uint8Array {
  const { a, b, dx, dy } = similarity;
  const box = Math.max(1, Math.floor(sideOf(similarity) / (2 * resolution)));
  // From pixels of the shrunken region to pixels of the square.
  return resample(
    shrink(pixels, box, Math.ceil),
    {
      a: a * box * resolution,
      b: b * box * resolution,
      dx: (dx + a * left - b * top) * resolution,
      dy: (dy + b * left + a * top) * resolution,
    },
    resolution,
  );
}

function resample({ data, width, height }: RgbPixels, { a, b, dx, dy }: Similarity, resolution: number): Uint8Array {
  const norm = a * a + b * b;
  const reduces = norm < 1;
  // Of a step across one pixel of the photo, in half widths of the tent.
  const [along, across] = reduces ? [a, b] : [1, 0];
  const reach = reduces ? (Math.abs(a) + Math.abs(b)) / norm : 1;
  const square = new Uint8Array(3 * resolution * resolution);
  for (let row = 0, at = 0; row < resolution; row++) {
    for (let column = 0; column < resolution; column++, at += 3) {
      const [u, v] = [column + 0.5 - dx, row + 0.5 - dy];
      // The middle of this pixel in the photo, from the middle of the photo's first.
      const [x, y] = [(a * u + b * v) / norm - 0.5, (a * v - b * u) / norm - 0.5];
      const [lastX, lastY] = [Math.floor(x + reach), Math.floor(y + reach)];
      let [red, green, blue, sum] = [0, 0, 0, 0];
      for (let py = Math.ceil(y - reach); py <= lastY; py++) {
        const line = within(py, height) * width;
        for (let px = Math.ceil(x - reach); px <= lastX; px++) {
          const horizontal = 1 - Math.abs(along * (px - x) - across * (py - y));
          const vertical = 1 - Math.abs(across * (px - x) + along * (py - y));
          if (horizontal <= 0 || vertical <= 0) continue;
          const weight = horizontal * vertical;
          const from = 3 * (line + within(px, width));
          red += weight * (data[from] as number);
          green += weight * (data[from + 1] as number);
          blue += weight * (data[from + 2] as number);
          sum += weight;
        }
      }
      square[at] = red / sum + 0.5;
      square[at + 1] = green / sum + 0.5;
      square[at + 2] = blue / sum + 0.5;
    }
  }
  return square;
}

function cutOut({ data, width }: RgbPixels, region: Region): RgbPixels {
  const line = 3 * region.width;
  const part = new Uint8Array(line * region.height);
  for (let y = 0; y < region.height; y++) {
    const start = 3 * ((region.top + y) * width + region.left);
    part.set(data.subarray(start, start + line), y * line);
  }
  return { data: part, width: region.width, height: region.height };
}
