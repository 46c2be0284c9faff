import type { Session } from "../platform.ts";
import type { RgbPixels } from "../resize.ts";
import { Layers } from "./layers.ts";
import { runOnSquare } from "./network.ts";
import type { Tensor } from "./weights.ts";

// The tiny face detector of face-api: a small YOLO (Redmon and Farhadi, CVPR 2017) of separable convolutions, which says
// for each cell of a grid and each of five shapes of box whether a face is there.

/** A face in a photo, in its pixels. */
export interface FaceBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** How sure the detector is, 0 to 1. */
  readonly score: number;
}

export const detectorNetwork = "tiny_face_detector_model";

/** Width and height of the boxes that the network tells deviations from, in cells. */
const anchors = [
  [1.603231, 2.094468],
  [6.041143, 7.080126],
  [2.882459, 3.518061],
  [4.266906, 5.178857],
  [9.041765, 10.66308],
] as const;
const meanRgb = [117.001, 114.697, 97.404] as const;
/** Numbers for each anchor: where its middle is, its size, and whether there is a face. */
const numbers = 5;
const slope = 0.1;
/** Of a face; below it are patterns that only look like one. */
const leastScore = 0.5;
/** Two boxes that share more of what they cover are one face. */
const mostOverlap = 0.4;

/** The network as ONNX: images [1, 3, side, side] to [1, 25, side / 32, side / 32]. */
export function detectorGraph(tensor: (name: string) => Tensor): Uint8Array {
  const layers = new Layers(tensor);
  let x = layers.leakyRelu(layers.conv("x", "conv0/filters", { valid: true }), slope);
  for (let i = 1; i <= 5; i++) x = layers.leakyRelu(layers.separable(layers.maxPool(x, 2), `conv${i}`), slope);
  return layers.finish(layers.conv(layers.maxPool(x, 1), "conv8/filters"));
}

/** How a photo is shown to the network. */
interface Look {
  /** Of the square, a multiple of 32 pixels. */
  readonly side: number;
  /** Width of the square, as a multiple of the photo's longer side. Around the photo it is black. */
  readonly margin: number;
}

/**
 * The network knows faces of some 50 to 110 pixels best, with something around them: here those from the whole photo's width
 * down to a half, to a quarter, and to an eighth.
 */
const looks: readonly Look[] = [
  { side: 160, margin: 1.75 },
  { side: 256, margin: 1.3 },
  { side: 416, margin: 1.05 },
];
/** Where those find none: down to a thirteenth. It takes as long as the others together. */
const closeLook: Look = { side: 640, margin: 1 };

/** @returns the faces of a photo, in its pixels, the surest first */
export async function detectFaces(session: Session, photo: RgbPixels): Promise<FaceBox[]> {
  const boxes: FaceBox[] = [];
  for (const look of looks) boxes.push(...(await boxesSeen(session, photo, look)));
  return withoutDoubles(boxes.length > 0 ? boxes : await boxesSeen(session, photo, closeLook));
}

async function boxesSeen(session: Session, photo: RgbPixels, { side, margin }: Look): Promise<FaceBox[]> {
  const width = Math.max(photo.width, photo.height) * margin;
  const [left, top] = [(photo.width - width) / 2, (photo.height - width) / 2];
  const similarity = { a: 1 / width, b: 0, dx: -left / width, dy: -top / width };
  const out = await runOnSquare(session, photo, similarity, { side, meanRgb, isBlackBeyond: true });
  return boxesOf(out, width).map((box) => ({ ...box, x: box.x + left, y: box.y + top }));
}

/**
 * @param out  [25, cells, cells]
 * @param side of the square, in pixels of the photo
 */
function boxesOf(out: Float32Array, side: number): FaceBox[] {
  const boxes: FaceBox[] = [];
  const area = out.length / (numbers * anchors.length);
  const cells = Math.sqrt(area);
  for (const [i, [w, h]] of anchors.entries()) {
    for (let cell = 0; cell < area; cell++) {
      const told = (number: number) => out[(i * numbers + number) * area + cell] as number;
      const score = sigmoid(told(4));
      if (score < leastScore) continue;
      const [width, height] = [(Math.exp(told(2)) * w * side) / cells, (Math.exp(told(3)) * h * side) / cells];
      const x = (((cell % cells) + sigmoid(told(0))) / cells) * side - width / 2;
      const y = ((Math.floor(cell / cells) + sigmoid(told(1))) / cells) * side - height / 2;
      boxes.push({ x, y, width, height, score });
    }
  }
  return boxes;
}

/** Of boxes that cover each other, the one with the best score. */
function withoutDoubles(boxes: readonly FaceBox[]): FaceBox[] {
  const kept: FaceBox[] = [];
  for (const box of [...boxes].sort((one, other) => other.score - one.score)) {
    if (kept.every((other) => overlap(box, other) <= mostOverlap)) kept.push(box);
  }
  return kept;
}

/** The area that two boxes share, of the area that they cover together. */
function overlap(one: FaceBox, other: FaceBox): number {
  const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  const shared = Math.max(0, across) * Math.max(0, down);
  return shared / (one.width * one.height + other.width * other.height - shared);
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
