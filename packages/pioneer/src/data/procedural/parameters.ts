import { hashUniform } from "./random.ts";

/** What a face is drawn from. All values vary continuously; -1..1 where zero is the middle, else 0..1. */
export interface FaceParameters {
  /** Head turned to the left or right edge of the image, ±26°. */
  readonly yaw: number;
  /** Head nodding, up or down, ±10°. */
  readonly nod: number;
  /** Head leaning to the left or right, ±13°. */
  readonly tilt: number;
  /** Where the light comes from, left or right. */
  readonly light: number;
  /** From light to dark. */
  readonly skin: number;
  /** Of the head: from narrow to wide. */
  readonly faceWidth: number;
  /** From a pointed chin to a square jaw; the more feminine, the less. */
  readonly jaw: number;
  /** Of the face as a whole: lashes, lip and cheek colour, neck; jaw, brows, lips, beard and hair length follow it loosely. */
  readonly femininity: number;
  /** From cropped to below the shoulders; follows femininity loosely. */
  readonly hairLength: number;
  /** From flat to full. */
  readonly hairVolume: number;
  /** Black, brown, auburn, blond, white-blond. */
  readonly hairColour: number;
  /** Side the hair is parted on. */
  readonly parting: number;
  readonly eyeSize: number;
  /** From nearly closed to wide open. */
  readonly eyeOpen: number;
  /** Brown, green, blue. */
  readonly eyeColour: number;
  /** Looking to the left or right edge of the image. */
  readonly gaze: number;
  /** From frowning to raised. */
  readonly browRaise: number;
  /** From thin to bushy; the more feminine, the less. */
  readonly browThickness: number;
  readonly noseSize: number;
  /** From corners down to a broad smile. */
  readonly smile: number;
  /** From closed to wide open, showing the teeth. */
  readonly mouthOpen: number;
  /** From thin to full; follows femininity loosely. */
  readonly lips: number;
  /** None, stubble, full; none for three faces in four, and the more feminine, the less. */
  readonly beard: number;
  /** 0 without glasses (three faces in four), else 0.4 to 1: how heavy their frame is. */
  readonly glasses: number;
  /** Hue of the background, once around the colour wheel. */
  readonly background: number;
  /** From dark to light. */
  readonly backgroundLight: number;
  /** Hue of the clothes, once around the colour wheel. */
  readonly clothes: number;
}

export type FaceParameterName = keyof FaceParameters;

const symmetric = [-1, 1] as const;
const positive = [0, 1] as const;

/** Range of each parameter, in the order of their random numbers: new ones go to the end, so that old faces stay. */
export const faceParameterRanges: Readonly<Record<FaceParameterName, readonly [min: number, max: number]>> = {
  yaw: symmetric,
  nod: symmetric,
  tilt: symmetric,
  light: symmetric,
  skin: positive,
  faceWidth: positive,
  jaw: positive,
  femininity: positive,
  hairLength: positive,
  hairVolume: positive,
  hairColour: positive,
  parting: symmetric,
  eyeSize: positive,
  eyeOpen: positive,
  eyeColour: positive,
  gaze: symmetric,
  browRaise: symmetric,
  browThickness: positive,
  noseSize: positive,
  smile: symmetric,
  mouthOpen: positive,
  lips: positive,
  beard: positive,
  glasses: positive,
  background: positive,
  backgroundLight: positive,
  clothes: positive,
};

export const faceParameterNames = Object.keys(faceParameterRanges) as FaceParameterName[];

/**
 * The parameters of face `index` of a seed, to four decimals. Most are uniform over their range and independent;
 * jaw, browThickness, lips and hairLength correlate with femininity, and beard depends on it.
 */
export function drawParameters(seed: number, index: number): FaceParameters {
  const values: Record<string, number> = {};
  let counter = 0;
  for (const name of faceParameterNames) {
    const [min, max] = faceParameterRanges[name];
    values[name] = min + (max - min) * hashUniform(seed, index, counter++);
  }
  const drawn = values as Record<FaceParameterName, number>;
  // Half its own, half of femininity: correlation 0.71.
  const { femininity } = drawn;
  for (const name of ["lips", "hairLength"] as const) drawn[name] = (drawn[name] + femininity) / 2;
  for (const name of ["jaw", "browThickness"] as const) drawn[name] = (drawn[name] + 1 - femininity) / 2;
  // Nearer to the front than to the side, as in photos; and more mouths closed than open.
  for (const name of ["yaw", "nod", "tilt"] as const) drawn[name] *= 0.55 + 0.45 * Math.abs(drawn[name]);
  drawn.mouthOpen = Math.max(0, 1.6 * drawn.mouthOpen - 0.6);
  drawn.beard = Math.max(0, 4 * drawn.beard - 3) * Math.max(0, 1 - 1.6 * femininity);
  drawn.glasses = drawn.glasses < 0.75 ? 0 : 0.4 + 0.6 * (4 * drawn.glasses - 3);
  for (const name of faceParameterNames) drawn[name] = toFourDecimals(drawn[name]);
  return drawn;
}

const toFourDecimals = (value: number): number => Math.round(value * 1e4) / 1e4;

/** How far portraits turn, of what faces do. */
const portraitYaw = 0.4;

/** The same person looking ahead, so that eyes and mouth lie in nearly the same places in all pictures. */
export const facingAhead = (face: FaceParameters): FaceParameters => ({
  ...face,
  yaw: toFourDecimals(face.yaw * portraitYaw),
  nod: 0,
  tilt: 0,
});
