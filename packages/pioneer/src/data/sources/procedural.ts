import { setImmediate } from "node:timers/promises";
import { Drawers } from "../procedural/drawers.ts";
import { renderFace } from "../procedural/face.ts";
import { drawParameters, type FaceParameters } from "../procedural/parameters.ts";
import { drawnFaces } from "./kinds.ts";
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
export function openProceduralFaces(resolution: number, count = drawnFaces, seed = 0): Source {
  let drawers: Drawers | undefined;
  return {
    kind: "procedural",
    name: "faces",
    count,
    entry: (index) => ({
      name: `face-${String(index).padStart(6, "0")}`,
      labels: { ...drawParameters(seed, index) },
    }),
    digest: digestOf([proceduralFaces, drawingVersion, count, seed]),
    notes: [],
    async *contents(indices) {
      drawers ??= Drawers.start(indices.length);
      for (const index of indices) {
        if (index >= count) throw new RangeError(`${proceduralFaces}: no face ${index} of ${count}`);
        const face = drawParameters(seed, index);
        const read = async () => {
          const pixels = drawers ? await drawers.draw(face, resolution) : await drawHere(face, resolution);
          return { width: resolution, height: resolution, pixels };
        };
        yield { index, read };
      }
    },
    close: async () => await drawers?.close(),
  };
}

/** Drawing never waits for anything: signals and timers have their turn before. */
async function drawHere(face: FaceParameters, resolution: number): Promise<Uint8Array> {
  await setImmediate();
  return renderFace(face, resolution);
}
