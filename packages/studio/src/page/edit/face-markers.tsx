import type { FacePoints, Point } from "pioneer-runtime";
import { photoPoint } from "pioneer-runtime/internal";
import type { CSSProperties, KeyboardEvent, PointerEvent } from "react";
import { type Placement, type Size, similarityOf, squarePoint } from "../image/placement.ts";
import { arrows, shareOf } from "../ui/pointing.ts";

interface FaceMarkersProps {
  readonly marks: FacePoints;
  readonly placement: Placement;
  readonly photo: Size;
  readonly onChange: (marks: FacePoints) => void;
}

const names = { eyeLeft: "Left eye", eyeRight: "Right eye", mouth: "Mouth" } as const;

/** Three points that are dragged, or moved with the arrow keys, onto a face. */
export function FaceMarkers({ marks, placement, photo, onChange }: FaceMarkersProps) {
  const similarity = similarityOf(placement);
  const put = (name: keyof FacePoints, [u, v]: Point) => {
    const [x, y] = photoPoint(similarity, [Math.max(0, Math.min(1, u)), Math.max(0, Math.min(1, v))]);
    const inside: Point = [Math.max(0, Math.min(photo.width, x)), Math.max(0, Math.min(photo.height, y))];
    onChange({ ...marks, [name]: inside });
  };
  return (Object.keys(names) as (keyof FacePoints)[]).map((name) => (
    <Marker key={name} label={names[name]} at={squarePoint(similarity, marks[name])} onPut={(at) => put(name, at)} />
  ));
}

interface MarkerProps {
  readonly label: string;
  /** In shares of the square. */
  readonly at: Point;
  readonly onPut: (at: Point) => void;
}

function Marker({ label, at, onPut }: MarkerProps) {
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    onPut(shareOf(event, event.currentTarget.parentElement as HTMLElement));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = arrows[event.key];
    if (!step) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.05 : 0.005;
    onPut([at[0] + size * step[0], at[1] + size * step[1]]);
  };
  return (
    <button
      type="button"
      className="marker"
      aria-label={`${label}: drag it, or move it with the arrow keys`}
      style={{ "--x": `${100 * at[0]}%`, "--y": `${100 * at[1]}%` } as CSSProperties}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={onPointerMove}
      onKeyDown={onKeyDown}
    >
      <span aria-hidden>{label}</span>
    </button>
  );
}
