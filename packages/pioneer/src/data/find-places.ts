// --align faces: where the photos of a source have their faces, found before the first is packed.
import { createHash } from "node:crypto";
import type { FacePoints, Point } from "pioneer-runtime";
import { StoppedError } from "../base/errors.ts";
import { availableThreads } from "../compute/processor.ts";
import { FaceSearch, noFace } from "./face-search.ts";
import { sourceFailure } from "./sources/failures.ts";
import type { Source, SourceContent } from "./sources/source.ts";

/** Each process decodes a photo whole; more of them are more memory than speed. */
const mostProcesses = 8;

/** Faces of some images of a source. */
export interface FoundPlaces {
  /** The largest face of an image, or why there is none, as the end of a sentence that begins with the image. */
  readonly faceOf: (index: number) => FacePoints | string;
  /** Images with several faces. */
  readonly several: readonly number[];
  /** Changes when a place does. */
  readonly digest: string;
}

export interface FindOptions {
  /** Told how many images were looked at. */
  readonly onFinding?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of a photo, as `decodeSquare` takes them. */
  readonly maxPixels?: number | undefined;
}

/**
 * @param from   the source's path, for messages
 * @param wanted images to look at
 * @throws DataError where faces cannot be found at all; SourceError if the source's disk fails; StoppedError
 */
export async function findPlaces(
  source: Source,
  from: string,
  wanted: Uint32Array,
  { onFinding, signal, maxPixels }: FindOptions,
): Promise<FoundPlaces> {
  const places = new Float64Array(6 * source.count).fill(Number.NaN);
  const problems = new Map<number, string>();
  const several: number[] = [];
  const processes = Math.min(mostProcesses, availableThreads(), wanted.length);
  const search = new FaceSearch(processes, maxPixels);
  let done = 0;
  const look = async (content: SourceContent): Promise<void> => {
    const { index } = content;
    const found = await content.read().then(
      (image) => search.find(image),
      (error: unknown) => {
        const failure = sourceFailure(error, from, source.entry(index).name);
        if (failure !== undefined) throw failure;
        return (error as Error).message;
      },
    );
    if (typeof found === "string") problems.set(index, found);
    else {
      const [largest, ...others] = found;
      if (largest) {
        const { eyeLeft, eyeRight, mouth } = largest.points;
        places.set([...eyeLeft, ...eyeRight, ...mouth], 6 * index);
      }
      if (others.length > 0) several.push(index);
    }
    onFinding?.(++done, wanted.length);
  };
  try {
    const pending = new Set<Promise<void>>();
    for await (const content of source.contents(wanted)) {
      if (signal?.aborted)
        throw StoppedError.by(signal, `stopped after ${done} of ${wanted.length} photos were searched`);
      const looking = look(content).finally(() => pending.delete(looking));
      // What fails after the first is not waited for.
      looking.catch(() => undefined);
      pending.add(looking);
      // One more than are looked at is read meanwhile.
      if (pending.size > processes) await Promise.race(pending);
    }
    await Promise.all(pending);
  } finally {
    search.close();
  }
  const faceOf = (index: number): FacePoints | string => {
    const at = (i: number): Point => [places[6 * index + i] as number, places[6 * index + i + 1] as number];
    if (Number.isNaN(at(0)[0])) return problems.get(index) ?? noFace;
    return { eyeLeft: at(0), eyeRight: at(2), mouth: at(4) };
  };
  const digest = createHash("sha256").update(places).digest("hex");
  return { faceOf, several: several.sort((a, b) => a - b), digest };
}
