import type { Paint, Rgb } from "./canvas.ts";
import { smoothStep, spot as softSpot } from "./canvas.ts";
import type { Head, Spot } from "./head.ts";
import type { FaceParameters } from "./parameters.ts";

/** Light from one side and above, on a head that is nearly a ball, with a nose that is a hill on it. */
export class Skin {
  readonly #head: Head;
  readonly #colour: Rgb;
  readonly #blush: Rgb;
  readonly #blushAmount: number;
  readonly #lightX: number;
  readonly #lightY: number;
  readonly #lightZ: number;
  readonly #nose: Nose;
  readonly #smile: number;

  constructor(head: Head, face: FaceParameters, colour: Rgb, blush: Rgb) {
    this.#head = head;
    this.#colour = colour;
    this.#blush = blush;
    this.#blushAmount = 0.12 + 0.5 * face.femininity;
    const x = 0.95 * face.light;
    const length = Math.hypot(x, 0.5, 0.8);
    this.#lightX = x / length;
    this.#lightY = -0.5 / length;
    this.#lightZ = 0.8 / length;
    this.#nose = new Nose(head, face);
    this.#smile = Math.max(0, face.smile);
  }

  /** Bare skin: shading, cheeks, eye sockets, nose. */
  paint(spot: Spot, paint: Paint): void {
    const { width, height } = this.#head;
    const slope = this.#nose.slope(spot);
    // Flatter than a ball at the front, so that the light does not fall off too early.
    const x = 0.92 * spot.u - slope.x;
    const y = 0.72 * spot.v - slope.y;
    const z = spot.depth + 0.22;
    const scale = 1 / Math.sqrt(x * x + y * y + z * z);
    const facing = Math.max(0, (x * this.#lightX + y * this.#lightY + z * this.#lightZ) * scale);
    paint.set(this.#colour, 0.42 + 0.66 * facing);
    if (paint.red > 1) paint.red = 1;
    // Shadow is warmer than light.
    paint.blue *= 0.9 + 0.1 * facing;
    const glance = facing * facing * facing * facing;
    paint.lighten(0.16 * glance * glance * glance);
    const side = Math.abs(spot.faceX) / width;
    const cheek = softSpot((side - 0.55) / 0.26, (spot.faceY - 0.2 * height) / 0.15);
    if (cheek > 0) {
      paint.over(this.#blush, cheek * this.#blushAmount);
      paint.lighten(0.05 * cheek * this.#smile);
    }
    // Eye sockets and temples; the shadow below the lower lip.
    const socket = softSpot((side - 0.4) / 0.3, (spot.faceY + 0.13 * height) / 0.1);
    if (socket > 0) paint.darken(0.13 * socket);
    const chin = softSpot(spot.faceX / 0.12, (spot.faceY - 0.71 * height) / 0.035);
    if (chin > 0) paint.darken(0.12 * chin);
    // Folds from the nose to the corners of a smiling mouth.
    if (this.#smile > 0) {
      const fold = Math.abs(side * width - 0.15 - 0.55 * (spot.faceY - 0.18)) - 0.004;
      const reach = smoothStep(0.15, 0.22, spot.faceY) * smoothStep(0.35, 0.25, spot.faceY);
      if (reach > 0) paint.darken(0.25 * this.#smile * reach * smoothStep(0.022, 0, fold));
    }
    this.#nose.paint(spot, paint);
  }
}

/** Ridge, tip and wings; its size is the parameter noseSize. */
class Nose {
  readonly #size: number;
  readonly #shift: number;
  readonly #tipY: number;
  readonly #tipWidth: number;
  readonly #tipHeight: number;
  readonly #ridgeWidth: number;
  readonly #rootY: number;

  constructor(head: Head, face: FaceParameters) {
    const size = face.noseSize;
    this.#size = size;
    // It stands out of the face, so it moves farther than the face when the head turns.
    this.#shift = head.sinYaw * (0.05 + 0.09 * size);
    this.#rootY = -0.13;
    this.#tipY = 0.08 + 0.11 * size + head.sinNod * 0.12;
    this.#tipWidth = 0.05 + 0.095 * size;
    this.#tipHeight = 0.05 + 0.04 * size;
    this.#ridgeWidth = 0.032 + 0.026 * size;
  }

  /** How steep the nose makes the face here, by the light's measure. */
  slope(spot: Spot): { x: number; y: number } {
    const x = this.#x(spot);
    const tip = this.#tip(x, spot.faceY);
    const ridge = this.#ridge(x, spot.faceY);
    this.#slope.x = -(1.15 * tip * x) / this.#tipWidth - (0.75 * ridge * x) / this.#ridgeWidth;
    this.#slope.y = (-1.1 * tip * (spot.faceY - this.#tipY)) / this.#tipHeight;
    return this.#slope;
  }
  readonly #slope = { x: 0.5, y: 0.5 };

  /** What shading does not show: the shadow below, the nostrils and the edges of the wings. */
  paint(spot: Spot, paint: Paint): void {
    const size = this.#size;
    const x = this.#x(spot);
    const below = spot.faceY - this.#tipY;
    if (Math.abs(x) > 0.3 || below > 0.2 || below < -0.4) return;
    paint.lighten(0.14 * softSpot(x / (0.3 * this.#tipWidth + 0.012), (below + 0.012) / 0.032));
    const side = Math.abs(x);
    const wing = this.#tipWidth * 0.95;
    paint.darken(0.3 * softSpot((side - wing) / 0.02, (below - 0.012) / (0.03 + 0.025 * size)));
    paint.darken(0.3 * softSpot(x / (wing * 1.05), (below - 0.062 - 0.03 * size) / 0.026));
    paint.darken(
      0.75 *
        softSpot((side - 0.5 * wing) / (0.016 + 0.018 * size), (below - 0.04 - 0.024 * size) / (0.011 + 0.009 * size)),
    );
  }

  #x(spot: Spot): number {
    const along = smoothStep(this.#rootY, this.#tipY, spot.faceY);
    return spot.faceX - this.#shift * along;
  }

  #tip(x: number, y: number): number {
    return softSpot(x / this.#tipWidth, (y - this.#tipY) / this.#tipHeight);
  }

  #ridge(x: number, y: number): number {
    if (y > this.#tipY + 0.1 || y < this.#rootY - 0.1) return 0;
    const length =
      smoothStep(this.#rootY - 0.08, this.#rootY + 0.1, y) * smoothStep(this.#tipY + 0.05, this.#tipY - 0.05, y);
    return length * softSpot(x / this.#ridgeWidth, 0);
  }
}
