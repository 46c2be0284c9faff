// A thread that draws faces, started by drawers.ts.
import { parentPort } from "node:worker_threads";
import { renderFace } from "./face.ts";
import type { FaceParameters } from "./parameters.ts";

/** What the thread is asked for; it answers with the pixels, in order. */
export interface Drawing {
  readonly face: FaceParameters;
  readonly resolution: number;
}

parentPort?.on("message", ({ face, resolution }: Drawing) => {
  const pixels = renderFace(face, resolution);
  parentPort?.postMessage(pixels, [pixels.buffer as ArrayBuffer]);
});
