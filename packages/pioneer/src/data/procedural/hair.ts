import type { Box, Canvas, Paint, Rgb } from "./canvas.ts";
import { hypotenuse, lerp, smoothStep, spot as softSpot } from "./canvas.ts";
import type { Head, Spot } from "./head.ts";
import type { FaceParameters } from "./parameters.ts";

/** Hair in two layers, behind head and shoulders and in front of them, and the beard. */
export class Hair {
  readonly #canvas: Canvas;
  readonly #head: Head;
  readonly #face: FaceParameters;
  readonly #colour: Rgb;
  readonly #beardColour: Rgb;
  /** How far it stands off the head. */
  readonly #thick: number;
  /** Where it ends at the sides, in canvas units below the head's middle. */
  readonly #end: number;

  constructor(canvas: Canvas, head: Head, face: FaceParameters, colour: Rgb) {
    this.#canvas = canvas;
    this.#head = head;
    this.#face = face;
    this.#colour = colour;
    this.#beardColour = [colour[0] * 0.75, colour[1] * 0.72, colour[2] * 0.7];
    this.#thick =
      lerp(0.015, 0.06, Math.min(1, face.hairLength * 3)) +
      0.11 * face.hairVolume * Math.min(1, 0.25 + face.hairLength * 2);
    this.#end = lerp(-0.2, 1.15, face.hairLength ** 1.25);
  }

  /** The part that hangs behind neck and shoulders; nothing for short hair. */
  drawBack(): void {
    if (this.#end < 0.12) return;
    const { width } = this.#head;
    this.#canvas.draw(this.#box(), (paint) => {
      const spot = this.#head.straighten(paint);
      // The head will hide the middle.
      if (Math.abs(spot.x) < 0.7 * width && spot.y > -0.35 && spot.y < 0.25) return;
      // Below the widest point it falls straight, a little outwards, and ends round.
      const half = (width + this.#thick) * (1.02 + 0.08 * smoothStep(0, 1, spot.y));
      const side = Math.abs(spot.x) - half;
      const end = spot.y - this.#end + 0.5 * (spot.x / half) ** 2 * 0.2;
      const corner = hypotenuse(Math.max(side + 0.12, 0), Math.max(end + 0.12, 0)) - 0.12;
      paint.coverage = this.#canvas.inside(spot.y < 0 ? this.#outline(spot) : Math.max(Math.min(side, end), corner));
      if (paint.coverage > 0) this.#shade(spot, 0.68, paint);
    });
  }

  /** The part on and around the face. */
  drawFront(): void {
    const { width, height } = this.#head;
    const { parting, hairLength } = this.#face;
    const long = smoothStep(0.35, 0.7, hairLength);
    const cropped = smoothStep(0.2, 0.02, hairLength);
    this.#canvas.draw(this.#box(), (paint) => {
      // No hair in the middle of the face, whichever way it is turned.
      const straight = this.#head.straighten(paint);
      if (Math.abs(straight.x) < 0.2 && straight.y > -0.15) return;
      const outer = Math.max(this.#outline(straight), straight.y - Math.max(this.#end, -0.12));
      const outside = this.#canvas.inside(outer);
      if (outside <= 0) return;
      const spot = this.#head.locate(paint);
      // The face looks out below a hairline that rises towards the parting and falls to the temples.
      const across = spot.faceX / width;
      const fromPart = across - 0.45 * parting;
      const fringe = 0.1 * (1 - Math.exp(-6 * fromPart * fromPart)) * (1 - cropped);
      const line = -height * (0.76 + 0.04 * cropped) + fringe + 0.12 * across * across;
      const edge = width * (lerp(0.97, 0.8, long) + 0.06 * smoothStep(-0.2, 0.5, spot.faceY) * (1 - long));
      const above = line - spot.faceY;
      const beside = Math.abs(spot.faceX) - edge;
      const behind = spot.front < 0.02 ? 0.02 : -1;
      const rounded = Math.max(above, beside, behind, smoothMax(above, beside));
      const face = this.#canvas.inside(-rounded);
      paint.coverage = outside * face;
      if (paint.coverage <= 0) return;
      this.#shade(spot, 1, paint);
      // The parting, and the shadow side of it.
      const part = softSpot(fromPart / 0.035, (spot.faceY - line) / 0.3) * smoothStep(0.02, -0.06, spot.faceY - line);
      paint.darken(0.3 * part * (1 - cropped));
      if (cropped > 0) paint.coverage *= 1 - 0.3 * cropped * smoothStep(0.1, 0, -above);
    });
  }

  /** Stubble to a full beard on the lower face, and a moustache. @param mouthY where the mouth is */
  paintBeard(spot: Spot, mouthY: number, paint: Paint): void {
    const { beard } = this.#face;
    if (beard <= 0 || spot.faceY < -0.02) return;
    const { width } = this.#head;
    const side = Math.abs(spot.faceX) / width;
    const jaw = smoothStep(0.26, 0.36, spot.faceY - 0.22 * (1 - side * side) * 0.5 + 0.3 * Math.max(0, side - 0.55));
    const sideburn = smoothStep(0.78, 0.9, side) * smoothStep(0, 0.1, spot.faceY);
    const moustache = softSpot(spot.faceX / 0.19, (spot.faceY - mouthY + 0.085 - 0.2 * spot.faceX * spot.faceX) / 0.05);
    const cover = Math.min(1, Math.max(jaw, sideburn, 1.3 * moustache));
    const strand = 0.9 + 0.1 * Math.sin(60 * spot.faceX + 14 * Math.sin(9 * spot.faceY));
    paint.over(this.#beardColour, cover * strand * Math.min(0.95, 0.25 + 0.85 * beard));
  }

  /** Distance to the outer edge of the hair on the upper head. */
  #outline(spot: Spot): number {
    const { width, height } = this.#head;
    const thick = this.#thick;
    const high = height + 1.15 * thick;
    const wide = (width + thick) * (spot.y > 0 ? 1 + 0.05 * spot.y : 1);
    if (spot.y > 0) return Math.abs(spot.x) - wide;
    const x = spot.x / wide;
    const y = spot.y / high;
    return (Math.sqrt(x * x + y * y) - 1) * wide;
  }

  /** Colour with strands that run down from the parting, a band of shine, and the light's side. */
  #shade(spot: Spot, shade: number, paint: Paint): void {
    const { parting, light } = this.#face;
    const { width, height } = this.#head;
    const top = spot.y / height;
    const across = spot.x / width;
    const angle = Math.atan2(across - 0.35 * parting, top + 1.6);
    const strand = 0.6 * Math.sin(44 * angle);
    const lit = 0.86 + 0.2 * light * across - 0.16 * smoothStep(-0.6, 0.9, top);
    paint.set(this.#colour, shade * lit * (1 + 0.13 * strand));
    const shine = softSpot((across - 0.3 * light) / 0.75, (top + 0.78 - 0.18 * across * across) / 0.16);
    paint.lighten(0.2 * shine * shade * (0.8 + 0.4 * strand));
  }

  #box(): Box {
    return { left: -0.95, top: -1, right: 0.95, bottom: Math.min(1, this.#end + 0.4) };
  }
}

/** The larger of two, with the corner between them rounded. */
function smoothMax(a: number, b: number): number {
  const round = 0.12;
  return hypotenuse(Math.max(a + round, 0), Math.max(b + round, 0)) - round;
}
