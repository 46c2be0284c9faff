import "./pad.css";
import { latentGrid, latentRow } from "pioneer-runtime";
import { type CSSProperties, type KeyboardEvent, type PointerEvent, useMemo } from "react";
import { LatentPicture } from "../ui/latent-picture.tsx";
import { arrows, shareOf } from "../ui/pointing.ts";
import type { Four } from "./corners.ts";
import { moveTo, useMorph } from "./morph-state.ts";

/** Pictures along an edge: a map of what is where. */
const cells = 7;

/** A square of pictures with a point that is dragged over it, or moved with the arrow keys. */
export function Pad({ square }: { readonly square: Four }) {
  const { x, y } = useMorph();
  const grid = useMemo(() => {
    const latents = latentGrid(square, cells);
    const dimension = square[0].length;
    return Array.from({ length: cells * cells }, (_, i) => latentRow(latents, dimension, i));
  }, [square]);
  const drag = (event: PointerEvent) => moveTo(...shareOf(event, event.currentTarget));
  return (
    <div
      className="pad"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        useMorph.setState({ playing: false });
        drag(event);
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && drag(event)}
    >
      <div className="pad-cells" aria-hidden="true">
        {grid.map((latent, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: cells never change places
          <LatentPicture key={i} latent={latent} label="" />
        ))}
      </div>
      <div
        className="pad-point"
        role="slider"
        tabIndex={0}
        aria-label="The point on the pad"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * x)}
        aria-valuetext={`${Math.round(100 * x)} % across, ${Math.round(100 * y)} % down`}
        style={{ "--x": `${100 * x}%`, "--y": `${100 * y}%` } as CSSProperties}
        onKeyDown={onKeyDown}
      />
    </div>
  );
}

function onKeyDown(event: KeyboardEvent): void {
  const step = arrows[event.key];
  if (!step) return;
  event.preventDefault();
  const size = event.shiftKey ? 0.1 : 0.02;
  const { x, y } = useMorph.getState();
  useMorph.setState({ playing: false });
  moveTo(x + size * step[0], y + size * step[1]);
}
