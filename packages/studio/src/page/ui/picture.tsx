import "./picture.css";
import { toRgba } from "pioneer-runtime/internal";
import { useEffect, useRef } from "react";

interface PictureProps {
  /** [3, side, side] in [-1, 1]; undefined while it is computed. */
  readonly planes: Float32Array | undefined;
  readonly side: number;
  /** What it shows, in words. */
  readonly label: string;
  /** Enlarged with a cubic, or with its pixels seen. Small ones are left to the browser. */
  readonly enlarge?: "smooth" | "crisp";
}

/** Side of the canvas of an enlarged picture. */
const largeSide = 768;

/** A picture of the model on a canvas. */
export function Picture({ planes, side, label, enlarge }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = enlarge === "smooth" ? Math.max(side, largeSide) : side;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    // Of another model, while one is being opened.
    if (context && planes?.length === 3 * side * side) draw(context, planes, side, size);
  }, [planes, side, size]);
  return (
    <canvas
      ref={canvas}
      className={`picture ${enlarge === "crisp" ? "crisp" : ""} ${planes ? "" : "waiting"}`}
      width={size}
      height={size}
      role="img"
      aria-label={label}
    />
  );
}

function draw(context: CanvasRenderingContext2D, planes: Float32Array, side: number, size: number): void {
  const image = new ImageData(toRgba(planes, side), side, side);
  if (size === side) {
    context.putImageData(image, 0, 0);
    return;
  }
  const small = new OffscreenCanvas(side, side);
  small.getContext("2d")?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, size, size);
}
