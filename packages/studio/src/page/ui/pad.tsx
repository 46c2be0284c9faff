import "./pad.css";
import type { CSSProperties, KeyboardEvent, PointerEvent } from "react";
import { LatentPicture } from "./latent-picture.tsx";
import { arrows, shareOf } from "./pointing.ts";

/** Pictures along an edge of a pad: a map of what is where. */
export const padCells = 7;

interface PadProps {
  /** Latents of its pictures, row by row from the top. */
  readonly cells: readonly Float32Array[];
  /** Where the point is: 0, 0 is the upper left corner, 1, 1 the other. */
  readonly x: number;
  readonly y: number;
  readonly label: string;
  /** The place of the point in words. */
  readonly words: string;
  /** May be called with a place beyond the edges. */
  readonly onMove: (x: number, y: number) => void;
  /** The point was let go. */
  readonly onEnd?: () => void;
}

/** A square of pictures with a point that is dragged over it, or moved with the arrow keys. */
export function Pad({ cells, x, y, label, words, onMove, onEnd }: PadProps) {
  const drag = (event: PointerEvent) => onMove(...shareOf(event, event.currentTarget));
  const onKeyDown = (event: KeyboardEvent) => {
    const step = arrows[event.key];
    if (!step) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.1 : 0.02;
    onMove(x + size * step[0], y + size * step[1]);
  };
  return (
    <div
      className="pad"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag(event);
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && drag(event)}
      onPointerUp={onEnd}
    >
      <div className="pad-cells" aria-hidden="true">
        {cells.map((latent, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: cells never change places
          <LatentPicture key={i} latent={latent} label="" />
        ))}
      </div>
      <div
        className="pad-point"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * x)}
        aria-valuetext={words}
        style={{ "--x": `${100 * x}%`, "--y": `${100 * y}%` } as CSSProperties}
        onKeyDown={onKeyDown}
        onKeyUp={onEnd}
      />
    </div>
  );
}
