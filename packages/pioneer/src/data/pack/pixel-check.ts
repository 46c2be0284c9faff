// Pixels of a pack compared with their digests when they are first used: training, and everything else that sees them, would
// not notice noise.
import { createHash } from "node:crypto";
import { DataError } from "../../base/errors.ts";
import { lookInto } from "../../base/read.ts";
import { readInto } from "./blocks.ts";
import { digestChunk } from "./format.ts";

const block = 4 * 2 ** 20;

/** Of a pack, what its pixels are checked with. */
interface Checked {
  readonly id: string;
  readonly path: string;
  readonly count: number;
  readonly imageBytes: number;
  readonly pixelOffset: number;
  /** SHA-256 of each chunk, in hexadecimal. */
  readonly digests: readonly string[];
}

/** Chunks of 64 MiB that were found good, by pack: what was checked for one reader is good for the next. */
const good = new Map<string, Set<number>>();

/**
 * Checks the chunks of some images, each chunk once for a process; one takes some tenths of a second.
 * @throws DataError naming the images in the first chunk that differs
 */
export function checkPixels(pack: Checked, images: ArrayLike<number>): void {
  const key = `${pack.id} ${pack.path}`;
  const known = good.get(key) ?? new Set();
  good.set(key, known);
  for (let i = 0; i < images.length; i++) {
    const start = (images[i] as number) * pack.imageBytes;
    const last = Math.floor((start + pack.imageBytes - 1) / digestChunk);
    for (let chunk = Math.floor(start / digestChunk); chunk <= last; chunk++) {
      if (known.has(chunk)) continue;
      checkChunk(pack, chunk);
      known.add(chunk);
    }
  }
}

/** Reads a chunk and compares its digest. @throws DataError naming its images */
export function checkChunk({ path, pixelOffset, imageBytes, count, digests }: Checked, chunk: number): void {
  const start = chunk * digestChunk;
  const end = Math.min(count * imageBytes, start + digestChunk);
  const hash = createHash("sha256");
  lookInto(path, ({ fd }) => {
    const bytes = Buffer.alloc(Math.min(block, end - start));
    for (let at = start; at < end; at += block) {
      const part = bytes.subarray(0, Math.min(block, end - at));
      readInto(fd, part, pixelOffset + at, path);
      hash.update(part);
    }
  });
  if (hash.digest("hex") === digests[chunk]) return;
  const [first, last] = [Math.floor(start / imageBytes), Math.ceil(end / imageBytes) - 1];
  throw new DataError(`${path} is damaged in images ${first} to ${last}; copy it again, or prepare it again`);
}
