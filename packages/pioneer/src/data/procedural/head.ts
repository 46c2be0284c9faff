import { lerp } from "./canvas.ts";
import type { FaceParameters } from "./parameters.ts";

const degrees = Math.PI / 180;
/** The point the head leans around: where neck and head meet. */
const pivot = 0.35;
/** Middle of the head. */
const centre = 0.06;

/** A point of the image, in canvas units. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a point of the image lies on the head; filled by `Head.locate`. */
export interface Spot {
  /** Offset from the head's middle with the leaning undone, in canvas units. */
  x: number;
  y: number;
  /** Direction from the head's middle: u² + v² = 1 on its outline, depth towards the viewer on the unit sphere. */
  u: number;
  v: number;
  depth: number;
  /** Place on the face as seen from the front, in canvas units: x = 0 is its middle line, y = 0 between the ears. */
  faceX: number;
  faceY: number;
  /** Towards the front of the face: 1 at its middle, negative at the back of the head. */
  front: number;
}

/** The head's shape and pose: an egg whose lower half narrows towards the chin, turned like a ball. */
export class Head {
  readonly width: number;
  readonly height = 0.68;
  readonly spot: Spot = { x: 0.5, y: 0.5, u: 0.5, v: 0.5, depth: 0.5, faceX: 0.5, faceY: 0.5, front: 0.5 };
  readonly sinYaw: number;
  readonly cosYaw: number;
  readonly sinNod: number;
  readonly cosNod: number;
  readonly #sinTilt: number;
  readonly #cosTilt: number;
  readonly #taper: number;

  constructor(face: FaceParameters) {
    this.width = lerp(0.49, 0.58, face.faceWidth);
    this.#taper = lerp(0.42, -0.1, face.jaw);
    this.sinYaw = Math.sin(face.yaw * 26 * degrees);
    this.cosYaw = Math.cos(face.yaw * 26 * degrees);
    this.sinNod = Math.sin(face.nod * 10 * degrees);
    this.cosNod = Math.cos(face.nod * 10 * degrees);
    this.#sinTilt = Math.sin(face.tilt * 13 * degrees);
    this.#cosTilt = Math.cos(face.tilt * 13 * degrees);
  }

  /** Undoes the leaning: sets `spot.x` and `spot.y`. */
  straighten(point: Point): Spot {
    const { spot } = this;
    const { x } = point;
    const fromPivot = point.y - centre - pivot;
    spot.x = x * this.#cosTilt + fromPivot * this.#sinTilt;
    spot.y = -x * this.#sinTilt + fromPivot * this.#cosTilt + pivot;
    return spot;
  }

  /** Finds a point of the image on the head, or, outside its outline, on the plane through its middle. */
  locate(point: Point): Spot {
    const spot = this.straighten(point);
    const v = spot.y / this.height;
    const u = spot.x / (this.width * this.profile(v));
    const square = u * u + v * v;
    const depth = square < 1 ? Math.sqrt(1 - square) : 0;
    const turned = u * this.sinYaw + depth * this.cosYaw;
    spot.u = u;
    spot.v = v;
    spot.depth = depth;
    spot.faceX = (u * this.cosYaw - depth * this.sinYaw) * this.width;
    spot.faceY = (v * this.cosNod - turned * this.sinNod) * this.height;
    spot.front = v * this.sinNod + turned * this.cosNod;
    return spot;
  }

  /** Half-width at height v, relative to the widest. */
  profile(v: number): number {
    if (v <= 0) return 1;
    const low = Math.min(v, 1);
    return 1 - this.#taper * low * low + 0.1 * low * low * low;
  }

  /** Distance to the head's outline in canvas units, negative inside. */
  distance(spot: Spot): number {
    return (Math.sqrt(spot.u * spot.u + spot.v * spot.v) - 1) * this.width;
  }
}
