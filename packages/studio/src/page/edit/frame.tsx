import "./frame.css";
import type { FaceTemplate, Point } from "pioneer-runtime";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { moved, type Placement, similarityOf, zoomed } from "../image/placement.ts";
import type { Photo } from "../state/photos.ts";
import { arrows } from "../ui/pointing.ts";
import { Ghost } from "./ghost.tsx";
import { useFrameGestures } from "./use-frame-gestures.ts";

interface FrameProps {
  readonly photo: Photo;
  readonly placement: Placement;
  /** Where eyes and mouth come to lie, shown as rings; null where the model has no alignment. */
  readonly template: FaceTemplate | null;
  readonly onPlace: (placement: Placement) => void;
  readonly onEnd: () => void;
  /** Drawn over the photo. */
  readonly children?: ReactNode;
}

const middle: Point = [0.5, 0.5];

/** The square that the model sees, with the photo under it: dragged, zoomed and turned by pointer, wheel, pinch and keys. */
export function Frame({ photo, placement, template, onPlace, onEnd, children }: FrameProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [pixels, setPixels] = useState(0);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      setPixels(Math.round((entry?.contentRect.width ?? 0) * devicePixelRatio));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context && pixels > 0) draw(context, photo, placement, pixels);
  }, [photo, placement, pixels]);
  useFrameGestures(frame, { photo, placement, onPlace, onEnd });
  const onKeyDown = (event: KeyboardEvent) => {
    const next = placedByKey(event, placement, photo);
    if (!next || event.target !== event.currentTarget) return;
    event.preventDefault();
    onPlace(next);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no element for a photo that is moved
    <div
      ref={frame}
      className="frame"
      role="group"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved with the arrow keys
      tabIndex={0}
      aria-label="Place the photo: arrow keys move it, plus and minus zoom, comma and full stop turn"
      onKeyDown={onKeyDown}
      onKeyUp={onEnd}
    >
      <canvas ref={canvas} width={pixels || 1} height={pixels || 1} role="img" aria-label={`The photo ${photo.name}`} />
      {template && <Ghost template={template} />}
      {children}
    </div>
  );
}

function draw(context: CanvasRenderingContext2D, photo: Photo, placement: Placement, pixels: number): void {
  const { a, b, dx, dy } = similarityOf(placement);
  context.resetTransform();
  context.clearRect(0, 0, pixels, pixels);
  context.setTransform(a * pixels, b * pixels, -b * pixels, a * pixels, dx * pixels, dy * pixels);
  context.imageSmoothingQuality = "high";
  context.drawImage(photo.shown, 0, 0, photo.width, photo.height);
}

function placedByKey({ key, shiftKey }: KeyboardEvent, placement: Placement, photo: Photo): Placement | undefined {
  const step = shiftKey ? 0.1 : 0.01;
  const turn = ((shiftKey ? 10 : 1) * Math.PI) / 180;
  const arrow = arrows[key];
  if (arrow) return moved(placement, step * arrow[0], step * arrow[1], photo);
  if (key === "+" || key === "=") return zoomed(placement, 1.05, middle, photo);
  if (key === "-") return zoomed(placement, 1 / 1.05, middle, photo);
  if (key === "," || key === "<") return { ...placement, angle: placement.angle - turn };
  if (key === "." || key === ">") return { ...placement, angle: placement.angle + turn };
  return undefined;
}
