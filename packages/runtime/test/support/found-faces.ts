// Pictures with faces of nobody (fixtures/faces), whose eyes and mouths are where the model that drew them has them.
import type { FacePoints, Point, RgbPixels } from "pioneer-runtime";
import { Rng } from "pioneer-runtime/internal";
import sharp from "sharp";
import { fixture } from "./fixtures.ts";

/** Where faces of the model have eyes and mouth, in shares of the square. */
export const drawnAt: FacePoints = { eyeLeft: [0.32, 0.387], eyeRight: [0.68, 0.387], mouth: [0.5, 0.781] };

export interface Pasted {
  readonly name: "one" | "other";
  /** Upper left corner and side of the square in the picture, in pixels. */
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** A picture of blurred spots with faces in it, 640x480, a PNG file. */
export async function pictureWith(...faces: readonly Pasted[]): Promise<Buffer> {
  const rng = new Rng(3);
  const spots = Uint8Array.from({ length: 3 * 32 * 24 }, () => 90 + 80 * rng.uniform());
  const back = sharp(spots, { raw: { width: 32, height: 24, channels: 3 } }).resize(640, 480, { kernel: "cubic" });
  const squares = faces.map(async ({ name, left, top, side }) => ({
    input: await sharp(fixture(`faces/${name}.png`))
      .resize(side, side, { kernel: "cubic" })
      .png()
      .toBuffer(),
    left,
    top,
  }));
  const file = await back.png().toBuffer();
  return await sharp(file)
    .composite(await Promise.all(squares))
    .png()
    .toBuffer();
}

export async function pixelsOf(file: Buffer): Promise<RgbPixels> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height };
}

/** Where the eyes and the mouth of a pasted face are in the picture. */
export function pointsOf({ left, top, side }: Pasted): FacePoints {
  const at = ([x, y]: Point): Point => [left + side * x, top + side * y];
  return { eyeLeft: at(drawnAt.eyeLeft), eyeRight: at(drawnAt.eyeRight), mouth: at(drawnAt.mouth) };
}

/** The largest distance of points from where they are, as a share of that between the eyes. */
export function missedBy(found: FacePoints, where: FacePoints): number {
  const distance = (one: Point, other: Point) => Math.hypot(one[0] - other[0], one[1] - other[1]);
  const eyes = distance(where.eyeLeft, where.eyeRight);
  return Math.max(
    ...(["eyeLeft", "eyeRight", "mouth"] as const).map((name) => distance(found[name], where[name]) / eyes),
  );
}
