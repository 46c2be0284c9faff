import { rm } from "node:fs/promises";
import type { Colour, Crop } from "pioneer-runtime";
import sharp from "sharp";
import { checkSpace } from "../base/disk.ts";
import { DataError, StoppedError } from "../base/errors.ts";
import { availableThreads } from "../compute/processor.ts";
import { isMarked } from "../pictures/mark.ts";
import type { Alignment } from "./alignment.ts";
import { addToJournal, type PackingState, readJournal, removeJournal, startJournal } from "./journal.ts";
import { PackWriter, partOf } from "./pack/writer.ts";
import { decodeAligned, decodeSquare, isGrey, type SquareImage, toGrey } from "./pixels/decode.ts";
import { type SourceError, sourceFailure } from "./sources/failures.ts";
import type { Source, SourceContent } from "./sources/source.ts";

/** Images begun for each core: they end in any order and are written in their own, and a slow one must not stop the rest. */
const imagesAhead = 4;
/** Bytes of their files; a larger one is read alone. */
const mostAhead = 256 * 2 ** 20;
/** A state is made safe after so many bytes, or so many milliseconds. */
const safeEvery = { bytes: 32 * 2 ** 20, milliseconds: 5000 };

/** Why a picture that carries our mark is skipped. */
export const ownPicture = "is a picture that this program wrote, no photo";

export interface PrepareProgress {
  /** Images done, skipped ones included, of all wanted. */
  readonly done: number;
  readonly total: number;
  readonly skipped: number;
}

interface PackingOptions {
  readonly out: string;
  /** Path of the source, for messages. */
  readonly from: string;
  readonly resolution: number;
  readonly crop: Crop;
  readonly alignment: Alignment | undefined;
  readonly colour: Colour | "auto";
  readonly maxPixels: number | undefined;
}

/** One image decoded, or the reason why not, or what ends the work. */
type Outcome = { readonly index: number } & (
  | { readonly image: SquareImage }
  | { readonly reason: string }
  | { readonly failure: SourceError }
);

/** The work between source and pack file, and its state. */
export class Packing {
  readonly #source: Source;
  readonly #wanted: Uint32Array;
  readonly #options: PackingOptions;
  #writer: PackWriter | undefined;
  #next = 0;
  #skipped: { index: number; reason: string }[] = [];
  /** Each reason once: a million images may be skipped for the same one. */
  readonly #reasons = new Map<string, string>();
  #enlarged = 0;
  #beyond = 0;
  #safe: PackingState = { next: 0, channels: 1, count: 0, sha256: [], skipped: [], enlarged: 0, beyond: 0 };
  #safeAt = 0;

  constructor(source: Source, wanted: Uint32Array, options: PackingOptions) {
    this.#source = source;
    this.#wanted = wanted;
    this.#options = options;
  }

  /** Goes on from an earlier call's state, or starts. @returns images already done */
  async begin(key: string): Promise<number> {
    const { out, resolution, colour } = this.#options;
    const found = await readJournal(out, key, resolution);
    const initial: PackingState = { ...this.#safe, channels: colour === "rgb" ? 3 : 1 };
    const state = found ?? initial;
    await this.#checkSpace(state, state.channels);
    this.#writer = await PackWriter.open(out, resolution, state);
    if (found === undefined) await startJournal(out, key);
    this.#next = state.next;
    this.#skipped = [...state.skipped];
    this.#enlarged = state.enlarged;
    this.#beyond = state.beyond;
    this.#safe = state;
    this.#safeAt = Date.now();
    return state.next;
  }

  get state(): PackingState {
    const { channels, count, sha256 } = this.#open.progress;
    const [enlarged, beyond] = [this.#enlarged, this.#beyond];
    return { next: this.#next, channels, count, sha256, skipped: this.#skipped, enlarged, beyond };
  }

  /**
   * Decodes on all cores, several images ahead, and writes in order. Photos to be aligned are decoded on all cores too, and
   * resampled on this thread, one at a time.
   */
  async run(
    onProgress: ((progress: PrepareProgress) => void) | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const cores = availableThreads();
    // Parallel across images, not within: sharp's own threads would only fight.
    const threads = sharp.concurrency();
    sharp.concurrency(1);
    const pending: { readonly outcome: Promise<Outcome>; readonly bytes: number }[] = [];
    let ahead = 0;
    const takeFirst = async (): Promise<void> => {
      const { outcome, bytes } = pending.shift() as (typeof pending)[number];
      await this.#take(await outcome);
      ahead -= bytes;
      onProgress?.({ done: this.#next, total: this.#wanted.length, skipped: this.#skipped.length });
    };
    try {
      for await (const content of this.#source.contents(this.#wanted.subarray(this.#next))) {
        if (signal?.aborted) break;
        const { bytes = 0 } = content;
        while (pending.length > 0 && ahead + bytes > mostAhead) await takeFirst();
        ahead += bytes;
        pending.push({ outcome: this.#decode(content), bytes });
        if (pending.length >= imagesAhead * cores) await takeFirst();
      }
      while (pending.length > 0 && !signal?.aborted) await takeFirst();
      await this.#makeSafe();
    } finally {
      await Promise.allSettled(pending.map(({ outcome }) => outcome));
      sharp.concurrency(threads);
    }
    if (signal?.aborted && this.#next < this.#wanted.length) {
      throw StoppedError.by(
        signal,
        `stopped after ${this.#next} of ${this.#wanted.length} images; the same command goes on from there`,
      );
    }
  }

  async finish(fields: Parameters<PackWriter["finish"]>[0]): Promise<void> {
    await this.#open.finish(fields);
    this.#writer = undefined;
    await removeJournal(this.#options.out);
  }

  async discard(): Promise<void> {
    await rm(partOf(this.#options.out), { force: true });
    await removeJournal(this.#options.out);
  }

  async close(): Promise<void> {
    await this.#writer?.close();
    this.#writer = undefined;
  }

  get #open(): PackWriter {
    if (this.#writer === undefined) throw new Error("packing has not begun, or has ended");
    return this.#writer;
  }

  async #decode(content: SourceContent): Promise<Outcome> {
    const { from } = this.#options;
    try {
      return { index: content.index, image: await this.#squareOf(content) };
    } catch (error) {
      const failure = sourceFailure(error, from, this.#source.entry(content.index).name);
      if (failure !== undefined) return { index: content.index, failure };
      const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
      return { index: content.index, reason };
    }
  }

  async #squareOf(content: SourceContent): Promise<SquareImage> {
    const { resolution, crop, alignment, maxPixels } = this.#options;
    const face = alignment?.faceOf(content.index);
    if (typeof face === "string") throw new DataError(face);
    const image = await content.read();
    if (Buffer.isBuffer(image) && isMarked(image)) throw new DataError(ownPicture);
    if (alignment === undefined || face === undefined) return await decodeSquare(image, resolution, crop, maxPixels);
    return await decodeAligned(image, resolution, face, alignment.template, maxPixels);
  }

  async #take(outcome: Outcome): Promise<void> {
    if ("failure" in outcome) {
      await this.#makeSafe();
      throw outcome.failure;
    }
    if ("reason" in outcome) {
      const { index, reason } = outcome;
      if (!this.#reasons.has(reason)) this.#reasons.set(reason, reason);
      this.#skipped.push({ index, reason: this.#reasons.get(reason) ?? reason });
    } else {
      const { pixels, enlarged, beyond } = outcome.image;
      if (this.#options.colour === "auto" && this.#open.channels === 1 && !isGrey(pixels)) await this.#promote();
      await this.#open.append(this.#open.channels === 1 ? toGrey(pixels) : pixels);
      if (enlarged) this.#enlarged++;
      this.#beyond += beyond;
    }
    this.#next++;
    const bytes = (this.#open.count - this.#safe.count) * this.#open.imageBytes;
    if (bytes >= safeEvery.bytes || Date.now() - this.#safeAt >= safeEvery.milliseconds) await this.#makeSafe();
  }

  /** The first image in colour among grey ones. */
  async #promote(): Promise<void> {
    await this.#checkSpace(this.#safe, 3);
    await this.#open.promote(async () => await this.#addToJournal());
  }

  async #makeSafe(): Promise<void> {
    await this.#open.flush();
    await this.#addToJournal();
  }

  async #addToJournal(): Promise<void> {
    const state = { ...this.state, skipped: [...this.#skipped] };
    await addToJournal(this.#options.out, state, this.#safe);
    this.#safe = state;
    this.#safeAt = Date.now();
  }

  async #checkSpace(state: PackingState, channels: 1 | 3): Promise<void> {
    const { out, resolution } = this.#options;
    await checkSpace(out, (this.#wanted.length - state.next) * resolution ** 2 * channels);
  }
}
