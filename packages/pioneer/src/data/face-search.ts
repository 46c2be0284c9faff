// Faces of photos, found by the networks of @vladmandic/face-api in processes of their own.
import { fileURLToPath } from "node:url";
import type { FoundFace } from "pioneer-runtime";
import { AskedProcess } from "../base/asked-process.ts";
import { DataError } from "../base/errors.ts";
import type { RawImage } from "./pixels/decode.ts";

/** An encoded file, or pixels. */
export type ToFaces = Uint8Array | RawImage;

/** Faces, the largest first; or why the image cannot be used; or why no image can be looked at. */
export type FromFaces =
  | { readonly faces: readonly FoundFace[] }
  | { readonly problem: string }
  | { readonly failure: string };

const processFile = fileURLToPath(new URL("../../dist/data/face-process.js", import.meta.url));

/** Why a photo has no place for a face, as the end of a sentence that begins with the photo. */
export const noFace = "has no face that is found";

type FaceProcess = AskedProcess<ToFaces, FromFaces>;

export class FaceSearch {
  readonly #processes: readonly FaceProcess[];
  readonly #idle: FaceProcess[];
  readonly #waiting: ((process: FaceProcess) => void)[] = [];

  /**
   * @param processes how many photos are looked at side by side
   * @param maxPixels of a photo, as `decodeSquare` takes them
   */
  constructor(processes: number, maxPixels?: number) {
    const limit = maxPixels === undefined ? [] : [String(maxPixels)];
    const start = (): FaceProcess =>
      new AskedProcess(processFile, limit, "finds them", (failure): FromFaces => ({ failure }));
    this.#processes = Array.from({ length: processes }, start);
    this.#idle = [...this.#processes];
  }

  /**
   * @returns the faces of an upright photo, in its pixels, the largest first; or why it cannot be decoded, as the end of a
   *   sentence that begins with the photo
   * @throws DataError in one line where nothing can be found: the networks or ONNX Runtime are not installed
   */
  async find(image: ToFaces): Promise<readonly FoundFace[] | string> {
    const process = this.#idle.pop() ?? (await new Promise<FaceProcess>((resolve) => this.#waiting.push(resolve)));
    try {
      const answer = await process.ask(image);
      if ("failure" in answer)
        throw new DataError(`faces cannot be found: ${answer.failure}; --align POINTS.csv needs no search`);
      return "problem" in answer ? answer.problem : answer.faces;
    } finally {
      const next = this.#waiting.shift();
      if (next) next(process);
      else this.#idle.push(process);
    }
  }

  /** Ends the processes; what they look at fails. */
  close(): void {
    for (const process of this.#processes) process.close("the search was closed");
  }
}
