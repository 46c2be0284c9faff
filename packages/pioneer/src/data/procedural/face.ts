import { Canvas } from "./canvas.ts";
import { chooseColours } from "./colours.ts";
import { Eyes } from "./eyes.ts";
import { Hair } from "./hair.ts";
import { Head } from "./head.ts";
import { Mouth } from "./mouth.ts";
import type { FaceParameters } from "./parameters.ts";
import { drawBackground, drawBody, drawEars, Glasses } from "./scene.ts";
import { Skin } from "./skin.ts";

/** Below this, faces are drawn at this size and averaged, so that small features stay what they are. */
const smallestCanvas = 64;

/**
 * Draws a face. The same parameters give the same face at any resolution; up to 64, a smaller image is exactly the
 * 2x2 means of the next larger one, but for rounding.
 * @param resolution a power of two from 4 on
 * @returns uint8 [resolution, resolution, 3], sRGB
 */
export function renderFace(face: FaceParameters, resolution: number): Uint8Array {
  const canvas = new Canvas(Math.max(resolution, smallestCanvas));
  const colours = chooseColours(face);
  const head = new Head(face);
  const hair = new Hair(canvas, head, face, colours.hair);
  const skin = new Skin(head, face, colours.skin, colours.blush);
  const eyes = new Eyes(canvas, head, face, colours);
  const mouth = new Mouth(canvas, head, face, colours);
  const glasses = new Glasses(canvas, head, face, eyes.x, eyes.y);

  drawBackground(canvas, face, colours);
  hair.drawBack();
  drawBody(canvas, face, colours);
  drawEars(canvas, head, face, colours);
  canvas.draw({ left: -0.8, top: -0.85, right: 0.8, bottom: 0.9 }, (paint) => {
    const spot = head.locate(paint);
    const coverage = canvas.inside(head.distance(spot));
    if (coverage <= 0) return;
    skin.paint(spot, paint);
    hair.paintBeard(spot, mouth.y, paint);
    mouth.paint(spot, paint);
    eyes.paint(spot, paint);
    glasses.paint(spot, paint);
    paint.coverage = coverage;
  });
  hair.drawFront();
  return canvas.toPixels(resolution);
}
