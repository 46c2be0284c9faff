// Canvases that are not seen: pictures are drawn on them to be read or saved.
import { toRgba } from "pioneer-runtime/internal";

type Context = OffscreenCanvasRenderingContext2D;

/** @throws Error in one line, where the browser gives no canvas of this size */
export function contextOf(width: number, height: number): Context {
  // willReadFrequently keeps the pixels in memory, where nothing rounds them once more.
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (!context) throw new Error("this browser gives no 2D canvas");
  return context;
}

/** Draws a picture of the model at its own size. @param planes [3, side, side] in [-1, 1] @param x its left edge */
export function drawPlanes(context: Context, planes: Float32Array, side: number, x = 0): void {
  context.putImageData(new ImageData(toRgba(planes, side), side, side), x, 0);
}

/** What was drawn, as a PNG file. */
export const pngOf = ({ canvas }: Context): Promise<Blob> => canvas.convertToBlob({ type: "image/png" });
