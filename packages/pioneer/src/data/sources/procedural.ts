import { setImmediate } from "node:timers/promises";
import { renderFace } from "../procedural/face.ts";
import { drawParameters } from "../procedural/parameters.ts";
import { digestOf, type Source } from "./source.ts";

/** The name of the source. */
export const proceduralFaces = "procedural:faces";
/** Resolution of drawn faces where none is asked for. */
export const proceduralResolution = 64;
/** Part of the digest: to be raised whenever the same parameters draw another picture. */
const drawingVersion = 1;

/**
 * Faces drawn from parameters, which are their labels. Face i depends on seed and i alone.
 * @param resolution side of the images
 * @param count      how many
 */
export function openProceduralFaces(resolution: number, count = 10_000, seed = 0): Source {
  const faces = Array.from({ length: count }, (_, index) => drawParameters(seed, index));
  return {
    kind: "procedural",
    name: "faces",
    entries: faces.map((labels, index) => ({
      name: `face-${String(index).padStart(6, "0")}`,
      labels: { ...labels },
    })),
    digest: digestOf([proceduralFaces, drawingVersion, count, seed]),
    notes: [],
    async *contents(indices) {
      for (const index of indices) {
        const face = faces[index];
        if (face === undefined) throw new RangeError(`${proceduralFaces}: no face ${index} of ${count}`);
        const read = async () => {
          await setImmediate(); // drawing never waits for anything: let signals and timers have their turn
          return { width: resolution, height: resolution, pixels: renderFace(face, resolution) };
        };
        yield { index, read };
      }
    },
    close: async () => {},
  };
}
