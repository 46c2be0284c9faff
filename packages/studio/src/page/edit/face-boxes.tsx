import type { FoundFace, Point } from "pioneer-runtime";
import type { CSSProperties } from "react";
import { type Placement, similarityOf, squarePoint } from "../image/placement.ts";

interface FaceBoxesProps {
  readonly faces: readonly FoundFace[];
  /** How the photo is shown. */
  readonly placement: Placement;
  readonly onChoose: (face: FoundFace) => void;
}

/** A box around each face of the photo, the largest first, to choose one. */
export function FaceBoxes({ faces, placement, onChoose }: FaceBoxesProps) {
  const similarity = similarityOf(placement);
  const styleOf = ({ box: { x, y, width, height } }: FoundFace) => {
    const [left, top]: Point = squarePoint(similarity, [x, y]);
    const [right, bottom]: Point = squarePoint(similarity, [x + width, y + height]);
    const shares = { "--x": left, "--y": top, "--width": right - left, "--height": bottom - top };
    return Object.fromEntries(
      Object.entries(shares).map(([name, share]) => [name, `${100 * share}%`]),
    ) as CSSProperties;
  };
  return faces.map((face, i) => (
    <button
      // biome-ignore lint/suspicious/noArrayIndexKey: they are what was found in this photo, and stay
      key={i}
      type="button"
      className="face-box"
      aria-label={`Take face ${i + 1} of ${faces.length}`}
      style={styleOf(face)}
      onClick={() => onChoose(face)}
    >
      <span aria-hidden>{i + 1}</span>
    </button>
  ));
}
