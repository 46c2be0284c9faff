import type { Canvas, Paint, Rgb } from "./canvas.ts";
import { lerp, smoothStep, spot as softSpot } from "./canvas.ts";
import type { Colours } from "./colours.ts";
import type { Head, Spot } from "./head.ts";
import type { FaceParameters } from "./parameters.ts";

const inside: Rgb = [0.28, 0.06, 0.07];
const teeth: Rgb = [0.96, 0.95, 0.91];
const tongue: Rgb = [0.75, 0.33, 0.34];

/** Two lips along a curve that smiles, and what an open mouth shows between them. */
export class Mouth {
  readonly y: number;
  readonly #canvas: Canvas;
  readonly #colours: Colours;
  readonly #halfWidth: number;
  readonly #curve: number;
  readonly #gap: number;
  readonly #upper: number;
  readonly #lower: number;

  constructor(canvas: Canvas, head: Head, face: FaceParameters, colours: Colours) {
    this.#canvas = canvas;
    this.#colours = colours;
    this.y = head.height * 0.51;
    this.#halfWidth = lerp(0.18, 0.21, face.faceWidth) + 0.045 * face.smile - 0.02 * face.mouthOpen;
    this.#curve = 0.062 * face.smile;
    this.#gap = 0.17 * face.mouthOpen;
    this.#upper = lerp(0.022, 0.052, face.lips);
    this.#lower = lerp(0.03, 0.07, face.lips);
  }

  paint(spot: Spot, paint: Paint): void {
    const t = spot.faceX / this.#halfWidth;
    const y = spot.faceY - this.y;
    if (Math.abs(t) > 1.25 || Math.abs(y) > 0.3) return;
    const bow = Math.max(0, 1 - t * t);
    const line = this.#curve * (0.45 - t * t) + 0.006;
    // The dip in the middle of the upper lip.
    const dip = 0.012 * softSpot(t / 0.16, 0) - 0.006 * softSpot((Math.abs(t) - 0.3) / 0.2, 0);
    const upperLine = line - 0.3 * this.#gap * bow;
    const lowerLine = line + 0.7 * this.#gap * bow;
    const full = Math.sqrt(bow);
    const top = upperLine - this.#upper * full * 0.9 + dip * full;
    const bottom = lowerLine + this.#lower * (0.35 * full + 0.65 * bow);
    const ends = (Math.abs(t) - 1) * this.#halfWidth;
    const lips = this.#canvas.inside(Math.max(top - y, y - bottom, ends));
    paint.darken(0.22 * softSpot((Math.abs(t) - 1.04) / 0.12, (y - line + this.#curve * 0.1) / 0.03));
    if (lips > 0) {
      paint.over(this.#colours.lips, 0.85 * lips);
      paint.darken(0.24 * lips * smoothStep(lowerLine, upperLine - this.#upper, y));
      paint.lighten(0.2 * lips * softSpot(t / 0.5, (y - lowerLine - 0.45 * this.#lower) / (0.32 * this.#lower)));
    }
    const gap = this.#canvas.inside(Math.max(upperLine - y, y - lowerLine, ends));
    if (this.#gap > 0.004 && gap > 0) {
      paint.over(inside, gap);
      paint.over(
        tongue,
        gap * 0.8 * smoothStep(0.45, 0.75, (y - upperLine) / this.#gap) * smoothStep(0.9, 0.5, Math.abs(t)),
      );
      const edge = upperLine + Math.min(0.05, 0.55 * this.#gap) * (0.5 + 0.5 * bow);
      paint.over(teeth, gap * this.#canvas.inside(y - edge) * smoothStep(0.95, 0.8, Math.abs(t)));
    } else if (Math.abs(t) < 1) {
      paint.over(inside, 0.75 * this.#canvas.inside(Math.abs(y - line) - 0.007) * smoothStep(1, 0.85, Math.abs(t)));
    }
  }
}
