import type { FacePoints, SeenAs } from "pioneer-runtime";
import { writePlanes } from "pioneer-runtime/internal";
import { DataError } from "../base/errors.ts";
import { mostPhotoBytes, readWhole } from "../base/read.ts";
import { shellWord } from "../base/shell-word.ts";
import { decodeAligned, decodeSquare, repeatGrey, toGrey } from "../data/pixels/decode.ts";
import type { PictureOptions } from "./pictures.ts";

/** Where a photo has its face, for a model of aligned faces; undefined for one that is cropped instead. */
export type FaceOf = (path: string) => FacePoints | undefined;

/** How photos are read. */
export interface ReadOptions {
  readonly faceOf?: FaceOf | undefined;
  /** Pixels of a photo, as `decodeSquare` takes them. */
  readonly maxPixels?: number | undefined;
}

/** How several photos are read. */
export interface ReadManyOptions extends ReadOptions {
  /** Told of each photo that cannot be read, and is passed over. */
  readonly onSkip?: ((reason: string) => void) | undefined;
}

/** Of whatever makes pictures of photos. */
export interface PhotoOptions extends PictureOptions, ReadManyOptions {
  /** Folder for the pictures. */
  readonly out: string;
}

/** Files read and decoded at the same time. */
const concurrency = 4;

/** Photos as a model sees them. */
export interface LoadedPhotos {
  /** Of those that could be read, in order. */
  readonly paths: readonly string[];
  /** [paths.length, 3, r, r] in [-1, 1] */
  readonly images: Float32Array;
  /** What could not be read: missing, or no image. */
  readonly unread: readonly DataError[];
}

/**
 * Photos of any size and format, aligned or cropped, and resized, exactly as a pack would hold them. Those that cannot be read
 * are passed over.
 */
async function loadReadable(paths: readonly string[], shape: SeenAs, options: ReadOptions = {}): Promise<LoadedPhotos> {
  const values = 3 * shape.resolution * shape.resolution;
  const images = new Float32Array(paths.length * values);
  const [read, unread]: [string[], DataError[]] = [[], []];
  for (let start = 0; start < paths.length; start += concurrency) {
    const group = paths.slice(start, start + concurrency);
    const squares = await Promise.all(group.map((path) => loadSquare(path, shape, options).catch(onlyDataErrors)));
    for (const [i, pixels] of squares.entries()) {
      if (pixels instanceof DataError) unread.push(pixels);
      else {
        writePlanes(images.subarray(values * read.length, values * (read.length + 1)), pixels);
        read.push(group[i] as string);
      }
    }
  }
  return { paths: read, images: images.subarray(0, values * read.length), unread };
}

/** @throws DataError if none could be read */
export async function loadPhotos(...[paths, shape, options]: Parameters<typeof loadReadable>): Promise<LoadedPhotos> {
  const loaded = await loadReadable(paths, shape, options);
  if (loaded.paths.length === 0 && paths.length > 0) throw noneReadable(loaded.unread);
  return loaded;
}

/** Photos of a group. */
const groupSize = 64;

/** One of the groups in which any number of photos passes; perhaps none of it can be read. */
interface PhotoGroup extends Pick<LoadedPhotos, "paths" | "images"> {
  /** Which it is, from 0, */
  readonly index: number;
  /** of how many. */
  readonly groups: number;
  /** Photos that were looked at so far, these included. */
  readonly passed: number;
}

/**
 * Photos in groups, so that any number fits in memory. Those that cannot be read are told once a photo could be: where none
 * can be, the error names the first.
 * @throws DataError if none can be read
 */
export async function* photoGroups(
  given: readonly string[],
  shape: SeenAs,
  { onSkip, ...options }: ReadManyOptions,
): AsyncGenerator<PhotoGroup> {
  const skipped: DataError[] = [];
  const groups = Math.ceil(given.length / groupSize);
  let isAnyRead = false;
  for (let index = 0; index < groups; index++) {
    const passed = Math.min((index + 1) * groupSize, given.length);
    const { paths, images, unread } = await loadReadable(given.slice(index * groupSize, passed), shape, options);
    skipped.push(...unread);
    isAnyRead ||= paths.length > 0;
    if (isAnyRead) for (const { message } of skipped.splice(0)) onSkip?.(message);
    else if (passed === given.length) throw noneReadable(skipped);
    yield { paths, images, index, groups, passed };
  }
}

/** What is said of photos of which none could be read. @param unread one or more */
function noneReadable(unread: readonly DataError[]): DataError {
  const [first] = unread as [DataError];
  if (unread.length === 1) return first;
  return new DataError(`none of the ${unread.length} photos can be read; the first: ${first.message}`, {
    cause: first,
  });
}

function onlyDataErrors(error: unknown): DataError {
  if (error instanceof DataError) return error;
  throw error;
}

/** @returns [r, r, 3], 0..255 */
async function loadSquare(
  path: string,
  { resolution, crop, colour, align }: SeenAs,
  { faceOf, maxPixels }: ReadOptions,
): Promise<Uint8Array> {
  const file = await readWhole(path, mostPhotoBytes);
  const face = faceOf?.(path);
  try {
    const { pixels } =
      face && align
        ? await decodeAligned(file, resolution, face, align, maxPixels)
        : await decodeSquare(file, resolution, crop, maxPixels);
    return colour === "grey" ? repeatGrey(toGrey(pixels)) : pixels;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    // So that the command in it can be pasted.
    const reason = error.message.replace(/\bFILE\b/, () => shellWord(path));
    throw new DataError(`${path} ${reason}`, { cause: error });
  }
}
