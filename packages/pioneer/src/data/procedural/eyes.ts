import type { Canvas, Paint, Rgb } from "./canvas.ts";
import { hypotenuse, lerp, smoothStep, spot as softSpot } from "./canvas.ts";
import type { Colours } from "./colours.ts";
import type { Head, Spot } from "./head.ts";
import type { FaceParameters } from "./parameters.ts";

const white: Rgb = [0.95, 0.95, 0.95];
const pupil: Rgb = [0.04, 0.04, 0.05];
const shine: Rgb = [1, 1, 1];

/** Two eyes and two brows, each the mirror image of the other but for the gaze. */
export class Eyes {
  /** Middle of the eyes, for glasses. */
  readonly x: number;
  readonly y: number;
  readonly #canvas: Canvas;
  readonly #face: FaceParameters;
  readonly #colours: Colours;
  readonly #halfWidth: number;
  readonly #upper: number;
  readonly #lower: number;
  readonly #iris: number;
  readonly #lash: number;
  readonly #browY: number;
  readonly #browHalf: number;

  constructor(canvas: Canvas, head: Head, face: FaceParameters, colours: Colours) {
    this.#canvas = canvas;
    this.#face = face;
    this.#colours = colours;
    this.x = head.width * 0.45;
    this.y = -0.1;
    this.#halfWidth = lerp(0.108, 0.162, face.eyeSize);
    this.#upper = this.#halfWidth * lerp(0.12, 0.72, face.eyeOpen);
    this.#lower = this.#halfWidth * lerp(0.22, 0.42, face.eyeOpen);
    this.#iris = this.#halfWidth * 0.53;
    this.#lash = 0.012 + 0.02 * face.femininity;
    this.#browY = this.y - 0.165 - 0.045 * face.browRaise - 0.015 * face.femininity;
    this.#browHalf = lerp(0.012, 0.042, face.browThickness);
  }

  paint(spot: Spot, paint: Paint): void {
    if (spot.faceY < -0.45 || spot.faceY > 0.12) return;
    // Outwards from the nose on both sides; the gaze alone knows left from right.
    const side = spot.faceX < 0 ? -1 : 1;
    const x = Math.abs(spot.faceX) - this.x;
    if (Math.abs(x) > 0.26) return;
    this.#paintEye(x, spot.faceY - this.y, side, paint);
    this.#paintBrow(x, spot.faceY, paint);
  }

  #paintEye(x: number, y: number, side: number, paint: Paint): void {
    const canvas = this.#canvas;
    const t = x / this.#halfWidth;
    if (t < -1.5 || t > 1.7 || Math.abs(y) > 0.2) return;
    // The outer corner is a little higher than the inner one.
    const level = y + 0.014 * t;
    const bow = Math.max(0, 1 - t * t);
    const upperLid = -this.#upper * bow;
    const lowerLid = this.#lower * bow;
    // A fold above the lid, and the lid's own shadow.
    paint.darken(0.28 * softSpot(t / 0.95, (level - upperLid + 0.035) / 0.016));
    paint.darken(0.12 * softSpot(t / 1, (level - lowerLid - 0.025) / 0.016));
    const steep = Math.sqrt(1 + (4 * t * t * this.#upper * this.#upper) / this.#halfWidth ** 2);
    const distance = Math.max(
      (upperLid - level) / steep,
      (level - lowerLid) / steep,
      (Math.abs(t) - 1) * this.#halfWidth,
    );
    const open = canvas.inside(distance);
    if (open > 0) this.#paintBall(x, level, side, upperLid, open, paint);
    // Lashes: a stroke along the upper lid, thicker and longer outwards with femininity.
    const tail = this.#face.femininity * 0.35;
    if (t > -1.02 && t < 1.02 + tail) {
      const lift = t > 1 ? -0.05 * (t - 1) * 2 : upperLid;
      const thick = this.#lash * (0.55 + 0.45 * smoothStep(-1, 0.8, t)) * smoothStep(1.05 + tail, 0.9, t);
      paint.over(this.#colours.lash, 0.92 * canvas.inside(Math.abs(level - lift) - thick / 2 - 0.002));
    }
    paint.over(this.#colours.lash, 0.3 * bow * canvas.inside(Math.abs(level - lowerLid) - 0.004));
  }

  #paintBall(x: number, y: number, side: number, upperLid: number, open: number, paint: Paint): void {
    const canvas = this.#canvas;
    const radius = this.#iris;
    const irisX = x - side * this.#face.gaze * (this.#halfWidth - radius) * 0.85;
    const irisY = y - 0.004;
    const fromMiddle = Math.sqrt(irisX * irisX + irisY * irisY);
    paint.over(white, open);
    paint.darken(0.22 * open * smoothStep(0.05, 0, y - upperLid));
    const iris = open * canvas.inside(fromMiddle - radius);
    if (iris > 0) {
      paint.over(this.#colours.iris, iris);
      paint.darken(0.45 * iris * smoothStep(0.6 * radius, radius, fromMiddle));
      paint.lighten(0.22 * iris * softSpot(irisX / (0.7 * radius), (irisY - 0.45 * radius) / (0.4 * radius)));
      paint.over(pupil, open * canvas.inside(fromMiddle - 0.45 * radius));
      // The light's reflection is where the light is, not where the eye looks.
      const shineX = side * irisX - 0.3 * radius * Math.sign(this.#face.light || 1);
      paint.over(shine, 0.95 * iris * canvas.inside(hypotenuse(shineX, irisY + 0.35 * radius) - 0.24 * radius));
    }
  }

  #paintBrow(x: number, faceY: number, paint: Paint): void {
    const t = x / 0.17;
    if (Math.abs(t) > 1.15) return;
    // Raised brows arch; frowning ones fall towards the nose.
    const { browRaise } = this.#face;
    const frown = Math.min(0, browRaise);
    const y = this.#browY + 0.035 * t * t + 0.008 * t - 0.03 * Math.max(0, browRaise) * (1 - t * t) + 0.05 * frown * t;
    const half = this.#browHalf * (1 - 0.65 * smoothStep(-0.2, 1.1, t)) * smoothStep(-1.12, -0.8, t);
    const cover =
      this.#canvas.inside(Math.abs(faceY - y) - half) * smoothStep(1.12, 0.95, t) * smoothStep(-1.15, -0.95, t);
    paint.over(this.#colours.brow, 0.9 * cover);
  }
}
