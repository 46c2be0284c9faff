import type { Similarity } from "../align.ts";
import { alignedSquare } from "../aligned-square.ts";
import type { Session } from "../platform.ts";
import type { RgbPixels } from "../resize.ts";

/** How a network of face-api takes a square. */
interface Taken {
  readonly side: number;
  /** What the network was trained to have taken away. */
  readonly meanRgb: readonly number[];
  /** Where the square is beyond the photo; else the photo's outermost pixels are repeated. The square is then not turned. */
  readonly isBlackBeyond?: boolean;
}

/** Computes a network for a square of a photo, the one that a similarity brings to [0, 1] x [0, 1]. */
export function runOnSquare(
  session: Session,
  photo: RgbPixels,
  similarity: Similarity,
  { side, meanRgb, isBlackBeyond = false }: Taken,
): Promise<Float32Array> {
  const square = alignedSquare(photo, similarity, side);
  const { a, dx, dy } = similarity;
  const isInside = (place: number, offset: number, length: number) => {
    const inPhoto = ((place + 0.5) / side - offset) / a;
    return inPhoto >= 0 && inPhoto < length;
  };
  const planes = new Float32Array(square.length);
  for (let y = 0, pixel = 0; y < side; y++) {
    const isRow = isInside(y, dy, photo.height);
    for (let x = 0; x < side; x++, pixel++) {
      const isSeen = !isBlackBeyond || (isRow && isInside(x, dx, photo.width));
      for (let channel = 0; channel < 3; channel++) {
        const value = isSeen ? (square[3 * pixel + channel] as number) : 0;
        planes[channel * side * side + pixel] = (value - (meanRgb[channel] as number)) / 255;
      }
    }
  }
  return session.run(planes, [1, 3, side, side]);
}
