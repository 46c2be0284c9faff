import { type FacePoints, faceProblem, faceSimilarity, type Point } from "../align.ts";
import { ModelError } from "../errors.ts";
import { wholePhoto } from "../inputs.ts";
import type { Photo } from "../pixels.ts";
import type { Platform, Session } from "../platform.ts";
import type { RgbPixels } from "../resize.ts";
import { detectFaces, detectorGraph, detectorNetwork, type FaceBox } from "./detector.ts";
import { landmarksGraph, landmarksNetwork, placePoints } from "./landmarks.ts";
import { readWeights, weightFiles } from "./weights.ts";

/** A face in a photo, in its pixels. */
export interface FoundFace {
  /** Where its eyes and mouth are, which `faceSimilarity` brings onto a template. */
  readonly points: FacePoints;
  readonly box: FaceBox;
}

/** Files of the folder `model` of @vladmandic/face-api that finding faces takes: 550 KB of weights, 12 KB of lists. */
export const faceFiles: readonly string[] = [detectorNetwork, landmarksNetwork].flatMap((network) =>
  Object.values(weightFiles(network)),
);

/** Where eyes and mouth lie in a square that the landmark network places them best in, as the detector's boxes are. */
const bestSeen: FacePoints = { eyeLeft: [0.33, 0.29], eyeRight: [0.67, 0.29], mouth: [0.5, 0.69] };

/** How a finder reads its files from a folder. */
export function readFaceFile({ read }: Pick<Platform, "read">, folder: string | URL) {
  return async (file: string): Promise<Uint8Array> => {
    const bytes = await read(folder, file, { fresh: false, signal: undefined, onBytes: () => undefined, request: {} });
    if (bytes) return bytes;
    throw new ModelError("MISSING", `${folder}/${file} is missing: it comes with @vladmandic/face-api`);
  };
}

export interface FinderParts {
  /** @returns a file of `faceFiles` */
  readonly read: (file: string) => Promise<Uint8Array>;
  /** @returns a network with the input x and the output y */
  readonly start: (graph: Uint8Array) => Promise<Session>;
  /** What reads photos. */
  readonly photos: Pick<Platform, "decode" | "readPhoto">;
}

/** Finds faces, and their eyes and mouths, by the networks of @vladmandic/face-api. */
export class FaceFinder {
  readonly #detector: Session;
  readonly #landmarks: Session;
  readonly #photos: FinderParts["photos"];

  private constructor(detector: Session, landmarks: Session, photos: FinderParts["photos"]) {
    this.#detector = detector;
    this.#landmarks = landmarks;
    this.#photos = photos;
  }

  /** @throws ModelError MISSING, DAMAGED, INSTALL or BACKEND */
  static async open({ read, start, photos }: FinderParts): Promise<FaceFinder> {
    const open = async (network: string, graph: typeof detectorGraph) => {
      const { list, bytes } = weightFiles(network);
      return start(graph(readWeights(network, await read(list), await read(bytes))));
    };
    const detector = await open(detectorNetwork, detectorGraph);
    try {
      return new FaceFinder(detector, await open(landmarksNetwork, landmarksGraph), photos);
    } catch (error) {
      await detector.release();
      throw error;
    }
  }

  /**
   * @param photo what `encode` takes: a file, an address, pixels, ...
   * @returns its faces in pixels of the upright photo, the largest first; none where none is found
   * @throws ModelError IMAGE
   */
  async find(photo: Photo): Promise<FoundFace[]> {
    const { pixels, factor } = await wholePhoto(photo, this.#photos);
    const faces = await this.#findIn(pixels);
    return factor === 1 ? faces : faces.map((face) => enlarged(face, factor));
  }

  async #findIn(photo: RgbPixels): Promise<FoundFace[]> {
    const faces: FoundFace[] = [];
    for (const box of await detectFaces(this.#detector, photo)) {
      const seen = await placePoints(this.#landmarks, photo, squareAround(box));
      if (faceProblem(seen) !== undefined) continue;
      // Once more, upright and of the size that the network knows best.
      const points = await placePoints(this.#landmarks, photo, faceSimilarity(seen, bestSeen));
      if (faceProblem(points, photo) === undefined && isLikely(points, box)) faces.push({ points, box });
    }
    return faces.sort((one, other) => areaOf(other.box) - areaOf(one.box));
  }

  /** Frees the networks. */
  async release(): Promise<void> {
    await Promise.all([this.#detector.release(), this.#landmarks.release()]);
  }
}

/** Whether the eyes are as far apart as those of a face in such a box: what only looks like a face has them anywhere. */
function isLikely({ eyeLeft, eyeRight }: FacePoints, { width }: FaceBox): boolean {
  const share = Math.hypot(eyeRight[0] - eyeLeft[0], eyeRight[1] - eyeLeft[1]) / width;
  return share > 0.2 && share < 0.8;
}

function enlarged({ points, box }: FoundFace, factor: number): FoundFace {
  const place = ([x, y]: Point): Point => [x * factor, y * factor];
  return {
    points: { eyeLeft: place(points.eyeLeft), eyeRight: place(points.eyeRight), mouth: place(points.mouth) },
    box: { ...box, x: box.x * factor, y: box.y * factor, width: box.width * factor, height: box.height * factor },
  };
}

const areaOf = ({ width, height }: FaceBox) => width * height;

function squareAround({ x, y, width, height }: FaceBox) {
  const side = Math.max(width, height);
  return { a: 1 / side, b: 0, dx: 0.5 - (x + width / 2) / side, dy: 0.5 - (y + height / 2) / side };
}
