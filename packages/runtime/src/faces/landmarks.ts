import { type FacePoints, type Point, photoPoint, type Similarity } from "../align.ts";
import type { Session } from "../platform.ts";
import type { RgbPixels } from "../resize.ts";
import { Layers } from "./layers.ts";
import { runOnSquare } from "./network.ts";
import type { Tensor } from "./weights.ts";

// The network of face-api that places the 68 points of iBUG 300-W (Sagonas et al., ICCVW 2013) in a square around a face.

export const landmarksNetwork = "face_landmark_68_model";

const side = 112;
const meanRgb = [122.782, 117.001, 104.298] as const;
/** Which of the 68 points go round the eyes and the mouth, first and last. */
const rounds = { eyeLeft: [36, 41], eyeRight: [42, 47], mouth: [48, 67] } as const;

/** The network as ONNX: images [1, 3, 112, 112] to x and y of 68 points, in shares of the square, [1, 136, 1, 1]. */
export function landmarksGraph(tensor: (name: string) => Tensor): Uint8Array {
  const layers = new Layers(tensor);
  let x = "x";
  // Four blocks of four convolutions: the first halves width and height, each sees the sum of those before.
  for (let block = 0; block < 4; block++) {
    const name = (conv: number) => `dense${block}/conv${conv}`;
    const halved =
      block === 0 ? layers.conv(x, `${name(0)}/filters`, { stride: 2 }) : layers.separable(x, name(0), { stride: 2 });
    const sum = [layers.relu(halved)];
    for (let conv = 1; conv < 4; conv++) sum.push(layers.separable(layers.relu(...sum), name(conv)));
    x = layers.relu(...sum);
  }
  return layers.finish(layers.conv(layers.meanOfPixels(x), "fc/weights"));
}

/**
 * Eyes and mouth: the mean of the points around each.
 * @param similarity brings a square around the face to [0, 1] x [0, 1]
 */
export async function placePoints(session: Session, photo: RgbPixels, similarity: Similarity): Promise<FacePoints> {
  const shares = await runOnSquare(session, photo, similarity, { side, meanRgb });
  const middle = ([first, last]: readonly [number, number]): Point => {
    let [x, y] = [0, 0];
    for (let i = first; i <= last; i++) {
      x += (shares[2 * i] as number) / (last - first + 1);
      y += (shares[2 * i + 1] as number) / (last - first + 1);
    }
    return photoPoint(similarity, [x, y]);
  };
  return { eyeLeft: middle(rounds.eyeLeft), eyeRight: middle(rounds.eyeRight), mouth: middle(rounds.mouth) };
}
