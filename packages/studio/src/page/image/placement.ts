import { type FacePoints, faceSimilarity, type Point, type Similarity } from "pioneer-runtime";
import { photoPoint } from "pioneer-runtime/internal";

/** Where the model's square lies in a photo, in pixels of the upright photo. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  /** Length of the square's side. */
  readonly side: number;
  /** How far the square is turned, clockwise as seen, in radians. */
  readonly angle: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Smallest and largest square, as shares of the photo's shorter side. */
const [smallest, largest] = [0.05, 3];

/** The middle square of a photo, which is what `pioneer dataset prepare` takes by default. */
export function middleSquare({ width, height }: Size): Placement {
  return { x: width / 2, y: height / 2, side: Math.min(width, height), angle: 0 };
}

/** A square that all of a photo lies in. */
export function wholePhoto({ width, height }: Size): Placement {
  return { x: width / 2, y: height / 2, side: Math.max(width, height), angle: 0 };
}

/** From pixels of the photo to shares of the square. */
export function similarityOf({ x, y, side, angle }: Placement): Similarity {
  const [a, b] = [Math.cos(angle) / side, -Math.sin(angle) / side];
  return { a, b, dx: 0.5 - (a * x - b * y), dy: 0.5 - (b * x + a * y) };
}

export function placementOf(similarity: Similarity): Placement {
  const { a, b } = similarity;
  const [x, y] = photoPoint(similarity, [0.5, 0.5]);
  return { x, y, side: 1 / Math.hypot(a, b), angle: Math.atan2(-b, a) };
}

/** The placement that brings three marked points onto the model's template. */
export function placementOfFace(points: FacePoints, template: FacePoints): Placement {
  return placementOf(faceSimilarity(points, template));
}

/** A place of the photo in the square. */
export function squarePoint({ a, b, dx, dy }: Similarity, [x, y]: Point): Point {
  return [a * x - b * y + dx, b * x + a * y + dy];
}

/** Where the template's points lie in the photo as it is placed now: what marking a face begins with. */
export function facePoints(placement: Placement, template: FacePoints): FacePoints {
  const similarity = similarityOf(placement);
  return {
    eyeLeft: photoPoint(similarity, template.eyeLeft),
    eyeRight: photoPoint(similarity, template.eyeRight),
    mouth: photoPoint(similarity, template.mouth),
  };
}

/** Moved by shares of the square, as the photo under the frame is dragged. */
export function moved(placement: Placement, du: number, dv: number, size: Size): Placement {
  const { side, angle } = placement;
  const [dx, dy] = [du * side, dv * side];
  return within(
    {
      ...placement,
      x: placement.x - (Math.cos(angle) * dx - Math.sin(angle) * dy),
      y: placement.y - (Math.sin(angle) * dx + Math.cos(angle) * dy),
    },
    size,
  );
}

/** Enlarged by a factor about a place of the square, which stays where it is. */
export function zoomed(placement: Placement, factor: number, about: Point, size: Size): Placement {
  const shorter = Math.min(size.width, size.height);
  const side = Math.max(smallest * shorter, Math.min(largest * shorter, placement.side / factor));
  const [x, y] = photoPoint(similarityOf(placement), about);
  const next = { ...placement, side };
  const [nowX, nowY] = photoPoint(similarityOf(next), about);
  return within({ ...next, x: next.x + x - nowX, y: next.y + y - nowY }, size);
}

/** The square's middle stays in the photo, so that it can always be found again. */
function within(placement: Placement, { width, height }: Size): Placement {
  return {
    ...placement,
    x: Math.max(0, Math.min(width, placement.x)),
    y: Math.max(0, Math.min(height, placement.y)),
  };
}
