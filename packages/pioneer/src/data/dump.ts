import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Crop } from "pioneer-runtime";
import { ConfigError, DataError, StoppedError } from "../base/errors.ts";
import { writeFolderBeside } from "../base/whole-folder.ts";
import { availableThreads } from "../compute/processor.ts";
import { resolutionOf } from "../networks/growth.ts";
import { writePhoto } from "../pictures/png.ts";
import type { Frames } from "./frames.ts";
import { allIndices, smallestHashes } from "./pack/splits.ts";
import type { PrepareProgress } from "./packing.ts";
import type { SourceKind } from "./sources/kinds.ts";

export interface DumpOptions {
  /** A pack; with `resize: "authors"` a source. */
  readonly source: string;
  /** The folder to make; it may exist if it is empty. */
  readonly out: string;
  /** Growth level; by default the pack's resolution's. Required with `resize: "authors"`. */
  readonly phase?: number | undefined;
  /** Weight of the newest block, 0 to 1; 1 by default. */
  readonly alpha?: number | undefined;
  /** So many images, chosen by the hash of their names and the seed; all by default. */
  readonly count?: number | undefined;
  readonly seed?: number | undefined;
  /** A split, or "all"; "train" by default. */
  readonly split?: string | undefined;
  /** "pack" (default): 2x2 means of the pack. "authors": the source, resized as the authors of the paper do. */
  readonly resize?: "pack" | "authors" | undefined;
  /** With `resize: "authors"`: what to take the source for, and its crop; as for `prepareDataset`. */
  readonly kind?: SourceKind | undefined;
  readonly crop?: Crop | undefined;
  readonly onProgress?: ((progress: PrepareProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DumpResult {
  /** Names of the files in the folder: the image's index in pack or source, 8 digits. */
  readonly files: readonly string[];
  readonly resolution: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Writes images as PNG files exactly as the network sees them in training at a phase and alpha, but not mirrored, and
 * rounded to 8 bits. Made beside its place, so that no half of a folder stays.
 * @throws ConfigError for a wrong option; DataError if something cannot be read, the folder is not empty, or there are
 *   fewer images than `count`; StoppedError when `signal` aborts
 */
export async function dumpImages(options: DumpOptions): Promise<DumpResult> {
  const { source, out, alpha = 1, resize = "pack" } = options;
  if (!(alpha >= 0 && alpha <= 1)) throw new ConfigError(`alpha: expected a number from 0 to 1, got ${alpha}`);
  if (resize === "authors" && options.phase === undefined) {
    throw new ConfigError("phase: needed with --resize authors: 0 is 4x4, 1 is 8x8, and so on");
  }
  await checkOut(out);
  const { frames, phase } = await openFrames(options, alpha);
  try {
    const chosen = choose(frames, options);
    const resolution = resolutionOf(phase);
    return await writeFolderBeside(out, async (part) => {
      const written = await writeAll(frames, chosen, { part, resolution, options });
      if (written.files.length === 0) {
        const [first] = written.skipped;
        throw new DataError(`${source}: none of its images can be used; the first, ${first?.name}, ${first?.reason}`);
      }
      // What has been put into it meanwhile is not ours to replace.
      await checkOut(out);
      return { ...written, resolution };
    });
  } finally {
    await frames.close();
  }
}

async function openFrames(options: DumpOptions, alpha: number): Promise<{ frames: Frames; phase: number }> {
  const { source, resize, phase } = options;
  // Loaded when needed: the one reads sources and needs no libtorch, the other is libtorch's.
  if (resize === "authors") {
    const { openAuthorsFrames } = await import("./dump-authors.ts");
    const frames = await openAuthorsFrames(source, { phase: phase as number, alpha }, options);
    return { frames, phase: phase as number };
  }
  const { openPackFrames } = await import("./dump-pack.ts");
  return openPackFrames(source, phase, alpha);
}

async function checkOut(out: string): Promise<void> {
  const inside = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new DataError(`${out}: not a folder; give the folder to write the images to`, { cause: error });
  });
  if (inside.length > 0) throw new DataError(`${out} holds ${inside.length} files already; give a new folder`);
}

function choose(frames: Frames, { source, split = "train", count, seed = 0 }: DumpOptions): Uint32Array {
  const { splits } = frames;
  const indices = split === "all" ? allIndices(frames.count) : (splits[split] ?? new Uint32Array());
  if (indices.length === 0) {
    const found = Object.keys(splits).filter((name) => splits[name]?.length);
    throw new DataError(
      `${source} has no images in the split ${split}; give --split ${[...found, "all"].join(" or ")}`,
    );
  }
  if (count === undefined || count === indices.length) return indices;
  if (count > indices.length) {
    throw new DataError(
      `${source} has ${indices.length} images in the split ${split}, not ${count}; give a smaller --count`,
    );
  }
  return smallestHashes(indices, frames.nameOf, `dump ${seed}`, count);
}

interface Writing {
  readonly part: string;
  readonly resolution: number;
  readonly options: DumpOptions;
}

async function writeAll(frames: Frames, chosen: Uint32Array, { part, resolution, options }: Writing) {
  const files: string[] = [];
  const skipped: { name: string; reason: string }[] = [];
  const write = async (index: number, pixels: Promise<Uint8Array>): Promise<void> => {
    const file = `${String(index).padStart(8, "0")}.png`;
    try {
      await writePhoto(join(part, file), { pixels: await pixels, width: resolution, height: resolution });
      files.push(file);
    } catch (error) {
      // What the source says of one image: it is skipped. What the disk says ends the work.
      if (!(error instanceof DataError) || error.message.startsWith(part)) throw error;
      skipped.push({ name: frames.nameOf(index), reason: error.message });
    }
  };
  const pending: Promise<void>[] = [];
  let done = 0;
  const takeFirst = async () => {
    await pending.shift();
    done++;
    options.onProgress?.({ done, total: chosen.length, skipped: skipped.length });
  };
  try {
    for await (const { index, pixels } of frames.frames(chosen)) {
      if (options.signal?.aborted)
        throw StoppedError.by(options.signal, `stopped after ${done} of ${chosen.length} images; nothing was kept`);
      const writing = write(index, pixels);
      writing.catch(() => undefined); // told when it is its turn
      pending.push(writing);
      if (pending.length >= 2 * availableThreads()) await takeFirst();
    }
    while (pending.length > 0) await takeFirst();
  } finally {
    await Promise.allSettled(pending);
  }
  return { files: files.sort(), skipped };
}
