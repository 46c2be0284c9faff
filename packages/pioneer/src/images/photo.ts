import { readFile } from "node:fs/promises";
import { type FacePoints, type SeenAs, writePlanes } from "pioneer-runtime";
import { onDisk } from "../base/disk.ts";
import { DataError } from "../base/errors.ts";
import { decodeAligned, decodeSquare, repeatGrey, toGrey } from "../data/pixels/decode.ts";

/** Where a photo has its face, for a model of aligned faces; undefined for one that is cropped instead. */
export type FaceOf = (path: string) => FacePoints | undefined;

/** Of whatever makes pictures of photos. */
export interface PhotoOptions {
  /** Folder for the pictures. */
  readonly out: string;
  readonly faceOf?: FaceOf | undefined;
}

/** Files read and decoded at the same time. */
const concurrency = 4;

/**
 * Photos of any size and format, aligned or cropped, and resized, exactly as a pack would hold them.
 * @returns [n, 3, r, r] in [-1, 1], in the order of the paths
 * @throws DataError naming the first file that is missing or not an image
 */
export async function loadPhotos(
  paths: readonly string[],
  shape: SeenAs,
  faceOf: FaceOf = () => undefined,
): Promise<Float32Array> {
  const values = 3 * shape.resolution * shape.resolution;
  const images = new Float32Array(paths.length * values);
  for (let start = 0; start < paths.length; start += concurrency) {
    const group = paths.slice(start, start + concurrency);
    const squares = await Promise.all(group.map((path) => loadSquare(path, shape, faceOf(path))));
    for (const [i, pixels] of squares.entries()) {
      writePlanes(images.subarray((start + i) * values, (start + i + 1) * values), pixels);
    }
  }
  return images;
}

/** @returns [r, r, 3], 0..255 */
async function loadSquare(
  path: string,
  { resolution, crop, colour, align }: SeenAs,
  face: FacePoints | undefined,
): Promise<Uint8Array> {
  const file = await onDisk(path, () => readFile(path));
  try {
    const { pixels } =
      face && align ? await decodeAligned(file, resolution, face, align) : await decodeSquare(file, resolution, crop);
    return colour === "grey" ? repeatGrey(toGrey(pixels)) : pixels;
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${path} ${error.message}`, { cause: error });
    throw error;
  }
}
