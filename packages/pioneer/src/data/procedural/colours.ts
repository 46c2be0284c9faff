import { along, fromHsv, mixColours, type Rgb } from "./canvas.ts";
import type { FaceParameters } from "./parameters.ts";

const skinPath: readonly Rgb[] = [
  [1, 0.87, 0.78],
  [0.96, 0.77, 0.62],
  [0.84, 0.6, 0.43],
  [0.62, 0.4, 0.27],
  [0.42, 0.26, 0.18],
];
const hairPath: readonly Rgb[] = [
  [0.1, 0.08, 0.09],
  [0.3, 0.18, 0.11],
  [0.56, 0.25, 0.11],
  [0.84, 0.64, 0.33],
  [0.95, 0.88, 0.7],
];
const eyePath: readonly Rgb[] = [
  [0.3, 0.17, 0.08],
  [0.33, 0.48, 0.24],
  [0.28, 0.52, 0.78],
];
const ruby: Rgb = [0.76, 0.13, 0.2];

/** The colours of one face. */
export interface Colours {
  readonly skin: Rgb;
  readonly lips: Rgb;
  readonly blush: Rgb;
  readonly hair: Rgb;
  readonly brow: Rgb;
  readonly lash: Rgb;
  readonly iris: Rgb;
  readonly clothes: Rgb;
  readonly backgroundTop: Rgb;
  readonly backgroundBottom: Rgb;
}

export function chooseColours(face: FaceParameters): Colours {
  const skin = along(skinPath, face.skin);
  const hair = along(hairPath, face.hairColour);
  const bare: Rgb = [skin[0] * 0.86, skin[1] * 0.62, skin[2] * 0.6];
  return {
    skin,
    lips: mixColours(bare, ruby, 0.05 + 0.65 * face.femininity ** 2),
    blush: mixColours(skin, [0.93, 0.32, 0.33], 0.5),
    hair,
    brow: mixColours(hair, [0.12, 0.08, 0.06], 0.55),
    lash: [0.1, 0.06, 0.06],
    iris: along(eyePath, face.eyeColour),
    clothes: fromHsv(face.clothes, 0.6, 0.62),
    backgroundTop: fromHsv(face.background, 0.42, 0.3 + 0.6 * face.backgroundLight),
    backgroundBottom: fromHsv((face.background + 0.06) % 1, 0.5, 0.14 + 0.5 * face.backgroundLight),
  };
}
