import type { Canvas, Paint } from "./canvas.ts";
import { everywhere, hypotenuse, lerp, smoothStep, spot as softSpot } from "./canvas.ts";
import type { Colours } from "./colours.ts";
import type { Head, Spot } from "./head.ts";
import type { FaceParameters } from "./parameters.ts";

/** A wall, lighter behind the head, towards the light. */
export function drawBackground(canvas: Canvas, face: FaceParameters, colours: Colours): void {
  const { backgroundTop: top, backgroundBottom: bottom } = colours;
  canvas.draw(everywhere, (paint) => {
    const { x, y } = paint;
    paint.coverage = 1;
    paint.set(top);
    paint.over(bottom, smoothStep(-1.2, 1.2, y + 0.25 * x * face.light));
    paint.lighten(0.16 * softSpot((x - 0.5 * face.light) / 0.9, (y + 0.2) / 0.9));
  });
}

/** Neck, shoulders, and the collar between them. */
export function drawBody(canvas: Canvas, face: FaceParameters, colours: Colours): void {
  const neck = lerp(0.3, 0.22, face.femininity);
  const shoulder = lerp(0.98, 0.8, face.femininity);
  const lean = 0.1 * face.tilt;
  canvas.draw({ left: -1, top: 0.4, right: 1, bottom: 1 }, (paint) => {
    const { x, y } = paint;
    const side = x - lean * smoothStep(1, 0.4, y);
    const flare = 0.25 * smoothStep(0.78, 1.05, y) ** 2;
    const lit = 0.62 + 0.22 * face.light * (x / neck);
    paint.set(colours.skin, Math.max(0.35, lit));
    paint.darken(0.34 * smoothStep(0.92, 0.68, y));
    const bare = canvas.inside(Math.abs(side) - neck - flare);
    const outwards = (x / shoulder) * (x / shoulder);
    const edge = 0.8 + 0.3 * outwards * outwards;
    const collar = 0.985 - 0.9 * x * x;
    const cloth = canvas.inside(Math.max(edge, collar) - y);
    if (cloth === 1) paint.set(colours.clothes, 0.8 + 0.3 * face.light * x);
    else if (cloth > 0) paint.over(colours.clothes, cloth / Math.max(bare, cloth));
    paint.coverage = Math.max(bare, cloth);
  });
}

/** Ears, drawn before the head so that they look out behind it. */
export function drawEars(canvas: Canvas, head: Head, face: FaceParameters, colours: Colours): void {
  const { width } = head;
  canvas.draw({ left: -0.85, top: -0.45, right: 0.85, bottom: 0.55 }, (paint) => {
    const spot = head.straighten(paint);
    const side = spot.x < 0 ? -1 : 1;
    // The ear that the head turns away from the viewer goes behind it.
    const out = width * (0.99 - 0.1 * Math.max(0, side * head.sinYaw));
    const u = (Math.abs(spot.x) - out) / 0.075;
    const v = (spot.y - 0.02 - 0.1 * head.sinNod) / 0.15;
    const distance = (hypotenuse(u, v + 0.25 * u) - 1) * 0.075;
    paint.coverage = canvas.inside(distance);
    if (paint.coverage <= 0) return;
    paint.set(colours.skin, 0.74 + 0.2 * side * face.light);
    paint.darken(0.35 * softSpot((u - 0.35) / 0.4, v / 0.6));
  });
}

/** Frames around the eyes, a bridge and two temples; they stand before the face and so move farther than it. */
export class Glasses {
  readonly #canvas: Canvas;
  readonly #head: Head;
  readonly #weight: number;
  readonly #eyeX: number;
  readonly #eyeY: number;

  constructor(canvas: Canvas, head: Head, face: FaceParameters, eyeX: number, eyeY: number) {
    this.#canvas = canvas;
    this.#head = head;
    this.#weight = face.glasses;
    this.#eyeX = eyeX;
    this.#eyeY = eyeY;
  }

  paint(spot: Spot, paint: Paint): void {
    if (this.#weight <= 0 || spot.front < 0.02) return;
    const half = 0.008 + 0.016 * this.#weight;
    const shifted = spot.faceX - 0.03 * this.#head.sinYaw;
    const x = Math.abs(shifted) - this.#eyeX;
    const y = spot.faceY - this.#eyeY - 0.015;
    if (Math.abs(y) > 0.25) return;
    // A rounded rectangle.
    const toX = Math.abs(x) - 0.1;
    const toY = Math.abs(y) - 0.06;
    const lens = hypotenuse(Math.max(toX, 0), Math.max(toY, 0)) + Math.min(Math.max(toX, toY), 0) - 0.085;
    const gapX = -this.#eyeX + 0.18;
    const bridge = Math.max(Math.abs(y + 0.035 + 0.1 * (x + this.#eyeX) ** 2) - half, x - gapX);
    const temple = Math.max(Math.abs(y + 0.04) - half, 0.18 - x);
    paint.lighten(0.1 * this.#canvas.inside(lens) * smoothStep(0.1, -0.15, y + 0.6 * x));
    const frame = Math.min(Math.abs(lens) - half, bridge, temple);
    paint.over([0.09, 0.08, 0.1], 0.95 * this.#canvas.inside(frame));
  }
}
