import type { Point } from "pioneer-runtime";
import { type RefObject, useEffect, useRef } from "react";
import { moved, type Placement, type Size, zoomed } from "../image/placement.ts";
import { shareOf } from "../ui/pointing.ts";

interface Gestures {
  readonly photo: Size;
  readonly placement: Placement;
  readonly onPlace: (placement: Placement) => void;
  readonly onEnd: () => void;
}

/** One pointer drags the photo, two pinch it, the wheel zooms about where it is. */
export function useFrameGestures(frame: RefObject<HTMLElement | null>, gestures: Gestures): void {
  // Listeners are set once; they read what is true when they are called.
  const now = useRef(gestures);
  now.current = gestures;
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const pointers = new Map<number, Point>();
    const place = (next: Placement) => {
      // Several events may come before the page is drawn again.
      now.current = { ...now.current, placement: next };
      now.current.onPlace(next);
    };
    const down = (event: PointerEvent) => {
      if (event.button !== 0 || (event.target as HTMLElement).closest("button")) return;
      element.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, shareOf(event, element));
    };
    const move = (event: PointerEvent) => {
      const from = pointers.get(event.pointerId);
      if (!from) return;
      const { placement, photo } = now.current;
      const to = shareOf(event, element);
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      pointers.set(event.pointerId, to);
      if (!other) place(moved(placement, to[0] - from[0], to[1] - from[1], photo));
      else place(pinched(placement, from, to, other, photo));
    };
    const up = (event: PointerEvent) => {
      if (pointers.delete(event.pointerId) && pointers.size === 0) now.current.onEnd();
    };
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { placement, photo } = now.current;
      place(zoomed(placement, Math.exp(-event.deltaY * 0.0015), shareOf(event, element), photo));
    };
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      element.removeEventListener("wheel", wheel);
    };
  }, [frame]);
}

/** One of two fingers moved: zoomed and turned about the other. */
function pinched(placement: Placement, from: Point, to: Point, other: Point, photo: Size): Placement {
  const [before, after] = [from, to].map(([x, y]) => [x - other[0], y - other[1]] as const) as [Point, Point];
  const larger = Math.hypot(...after) / Math.max(1e-3, Math.hypot(...before));
  const turned = Math.atan2(after[1], after[0]) - Math.atan2(before[1], before[0]);
  return zoomed({ ...placement, angle: placement.angle - turned }, larger, other, photo);
}
