import type { FacePoints, Point, RgbPixels } from "../../src/index.ts";

/**
 * A black photo with a soft dot at each place of a face: red the left eye, green the right eye, blue the mouth.
 * @param sigma of the dots, in pixels
 */
export function facePhoto(
  width: number,
  height: number,
  { eyeLeft, eyeRight, mouth }: FacePoints,
  sigma: number,
): RgbPixels {
  const data = new Uint8Array(3 * width * height);
  for (const [channel, [cx, cy]] of [eyeLeft, eyeRight, mouth].entries()) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const squared = (x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2;
        data[3 * (y * width + x) + channel] = Math.round(255 * Math.exp(-squared / (2 * sigma ** 2)));
      }
    }
  }
  return { data, width, height };
}

/** Where the dots of a square are, in its pixels. @param pixels [side, side, 3] */
export function dotsOf(pixels: Uint8Array, side: number): FacePoints {
  const centroid = (channel: number): Point => {
    let [sum, sumX, sumY] = [0, 0, 0];
    for (let i = 0; i < side * side; i++) {
      const value = pixels[3 * i + channel] as number;
      sum += value;
      sumX += value * ((i % side) + 0.5);
      sumY += value * (Math.floor(i / side) + 0.5);
    }
    return [sumX / sum, sumY / sum];
  };
  return { eyeLeft: centroid(0), eyeRight: centroid(1), mouth: centroid(2) };
}

/** The largest distance between a place and the template's, in pixels of the square. */
export function farthest(dots: FacePoints, template: FacePoints, side: number): number {
  const names = ["eyeLeft", "eyeRight", "mouth"] as const;
  return Math.max(
    ...names.map((name) =>
      Math.hypot(dots[name][0] - side * template[name][0], dots[name][1] - side * template[name][1]),
    ),
  );
}

/** A template, turned by an angle, as large as `side` pixels and with its corner at (x, y). */
export function placed(template: FacePoints, { side, angle, x, y }: Place): FacePoints {
  const [cos, sin] = [side * Math.cos(angle), side * Math.sin(angle)];
  const at = ([u, v]: Point): Point => [x + cos * u - sin * v, y + sin * u + cos * v];
  return { eyeLeft: at(template.eyeLeft), eyeRight: at(template.eyeRight), mouth: at(template.mouth) };
}

export interface Place {
  readonly side: number;
  /** Radians, clockwise as seen. */
  readonly angle: number;
  readonly x: number;
  readonly y: number;
}
