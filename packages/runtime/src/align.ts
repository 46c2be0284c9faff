import { gte, type infer as Infer, lte, number, object, tuple } from "zod/mini";

// A photo is aligned when its eyes and its mouth lie where a template has them. The way there is a similarity: turned,
// scaled and moved, never sheared, so that a narrow face stays narrow.

const share = number().check(gte(0), lte(1));
const place = tuple([share, share]);

/** `align` of config.json: where eyes and mouth lie in the square, as shares of its side. */
export const faceTemplate = object({ eyeLeft: place, eyeRight: place, mouth: place });
export type FaceTemplate = Infer<typeof faceTemplate>;

/** A place in a picture: from its left edge to the right, from its upper edge down. The first pixel's middle is (0.5, 0.5). */
export type Point = readonly [x: number, y: number];

/** Where a face is: the middle of each eye and of the mouth. Left and right are meant as seen in the picture. */
export interface FacePoints {
  readonly eyeLeft: Point;
  readonly eyeRight: Point;
  readonly mouth: Point;
}

/**
 * (x, y) goes to (a x - b y + dx, b x + a y + dy). A canvas draws so after `setTransform(a, b, -b, a, dx, dy)`.
 */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly dx: number;
  readonly dy: number;
}

/** The mouth is at least this far below the line through the eyes, in distances between them. */
const leastHeight = 0.1;

/**
 * What makes three points no face that could be turned upright.
 * @param size of the photo they are in, in pixels; without it they may lie anywhere
 * @returns the end of a sentence that begins with the photo; undefined for a face
 */
export function faceProblem(points: FacePoints, size?: { width: number; height: number }): string | undefined {
  const { eyeLeft, eyeRight, mouth } = points;
  const named = { "left eye": eyeLeft, "right eye": eyeRight, mouth };
  for (const [name, place] of Object.entries(named)) {
    const [x, y] = Array.isArray(place) ? (place as Point) : [Number.NaN, Number.NaN];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return `has its ${name} at (${x}, ${y}), which is no place [x, y]`;
    if (size && !(x >= 0 && y >= 0 && x <= size.width && y <= size.height)) {
      return `has its ${name} at (${rounded(x)}, ${rounded(y)}), outside of its ${size.width}x${size.height} pixels`;
    }
  }
  const eyes = minus(eyeRight, eyeLeft);
  const below = minus(mouth, eyeLeft);
  const height = eyes[0] * below[1] - eyes[1] * below[0];
  const distance = eyes[0] ** 2 + eyes[1] ** 2;
  if (height < 0) return "has its left eye on the right: left and right are meant as seen in the picture";
  return distance > 0 && height >= leastHeight * distance ? undefined : "has its eyes and mouth on one line";
}

/**
 * The similarity that brings a face onto a template: of all, that with the least sum of squared distances between the
 * three points and the template's (Umeyama, IEEE PAMI 1991; in two dimensions a division of complex numbers).
 * @param points   of a face (`faceProblem` finds none), in pixels of the photo
 * @param template in shares of the square
 * @returns from pixels of the photo to shares of the square
 */
export function faceSimilarity(points: FacePoints, template: FacePoints): Similarity {
  const [from, to] = [middleOf(points), middleOf(template)];
  let [real, imaginary, spread] = [0, 0, 0];
  for (const name of ["eyeLeft", "eyeRight", "mouth"] as const) {
    const [px, py] = minus(points[name], from);
    const [qx, qy] = minus(template[name], to);
    real += px * qx + py * qy;
    imaginary += px * qy - py * qx;
    spread += px * px + py * py;
  }
  const [a, b] = [real / spread, imaginary / spread];
  return { a, b, dx: to[0] - (a * from[0] - b * from[1]), dy: to[1] - (b * from[0] + a * from[1]) };
}

/** Side of the square that a similarity brings to [0, 1] x [0, 1], in pixels of the photo. */
export function sideOf({ a, b }: Similarity): number {
  return 1 / Math.sqrt(a * a + b * b);
}

/** A place of the square in the photo: the way back of a similarity. */
export function photoPoint({ a, b, dx, dy }: Similarity, [u, v]: Point): Point {
  const norm = a * a + b * b;
  return [(a * (u - dx) + b * (v - dy)) / norm, (a * (v - dy) - b * (u - dx)) / norm];
}

function middleOf({ eyeLeft, eyeRight, mouth }: FacePoints): Point {
  return [(eyeLeft[0] + eyeRight[0] + mouth[0]) / 3, (eyeLeft[1] + eyeRight[1] + mouth[1]) / 3];
}

const minus = (one: Point, other: Point): Point => [one[0] - other[0], one[1] - other[1]];

const rounded = (value: number) => Number(value.toFixed(1));
