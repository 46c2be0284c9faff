import { setImmediate } from "node:timers/promises";
import { DataError } from "../../base/errors.ts";
import { drawnName } from "../../config/procedural.ts";
import { Drawers } from "../procedural/drawers.ts";
import { renderFace } from "../procedural/face.ts";
import { drawParameters, type FaceParameters, facingAhead } from "../procedural/parameters.ts";
import { drawnFaces } from "./kinds.ts";
import { digestOf, type Source } from "./source.ts";

/** Names of the sources, and how the parameters of face `index` of a seed are drawn. */
const procedural = {
  "procedural:faces": drawParameters,
  "procedural:portraits": (seed: number, index: number) => facingAhead(drawParameters(seed, index)),
} as const satisfies Record<string, (seed: number, index: number) => FaceParameters>;

export type ProceduralSource = keyof typeof procedural;
const isProcedural = (source: string): source is ProceduralSource => Object.hasOwn(procedural, source);

/** @returns the name of a source that there is @throws DataError naming those that there are */
export function proceduralSource(source: string): ProceduralSource {
  if (isProcedural(source)) return source;
  throw new DataError(`${source}: unknown; there are ${Object.keys(procedural).join(" and ")}`);
}

/** Resolution of drawn faces where none is asked for. */
export const proceduralResolution = 64;
/** Part of the digest: to be raised whenever the same parameters draw another picture. */
const drawingVersion = 1;

/**
 * Faces drawn from parameters, which are their labels. Face i depends on seed and i alone.
 * @param source     "procedural:faces" are turned and lean; "procedural:portraits" are the same people, looking ahead
 * @param resolution side of the images
 * @param count      how many
 */
export function openProcedural(source: ProceduralSource, resolution: number, count = drawnFaces, seed = 0): Source {
  const parametersOf = procedural[source];
  let drawers: Drawers | undefined;
  return {
    kind: "procedural",
    name: drawnName(source),
    count,
    entry: (index) => ({
      name: `face-${String(index).padStart(6, "0")}`,
      labels: { ...parametersOf(seed, index) },
    }),
    digest: digestOf([source, drawingVersion, count, seed]),
    notes: [],
    async *contents(indices) {
      drawers ??= Drawers.start(indices.length);
      for (const index of indices) {
        if (index >= count) throw new RangeError(`${source}: no face ${index} of ${count}`);
        const face = parametersOf(seed, index);
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
