import type { FoundFace } from "pioneer-runtime";
import { mostPhotoBytes, readWhole } from "../base/read.ts";
import { availableThreads } from "../compute/processor.ts";
import { FaceSearch } from "../data/face-search.ts";

/** Photos looked at side by side: each is in memory whole. */
const mostProcesses = 4;

/**
 * @param onProgress told how many of the photos were looked at
 * @param maxPixels  of a photo, as `decodeSquare` takes them
 * @returns of each photo its faces, the largest first; undefined for one that cannot be read, which whoever makes pictures
 *   of it says
 * @throws DataError where faces cannot be found at all
 */
export async function findInFiles(
  paths: readonly string[],
  onProgress: (done: number, total: number) => void,
  maxPixels?: number,
): Promise<readonly (readonly FoundFace[] | undefined)[]> {
  const processes = Math.min(mostProcesses, availableThreads(), paths.length);
  const search = new FaceSearch(processes, maxPixels);
  const faces: (readonly FoundFace[] | undefined)[] = paths.map(() => undefined);
  let [next, done] = [0, 0];
  const lookOn = async (): Promise<void> => {
    for (let i = next++; i < paths.length; i = next++) {
      const file = await readWhole(paths[i] as string, mostPhotoBytes).catch(() => undefined);
      const found = file && (await search.find(file));
      faces[i] = typeof found === "string" ? undefined : found;
      onProgress(++done, paths.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: processes }, lookOn));
    return faces;
  } finally {
    search.close();
  }
}
