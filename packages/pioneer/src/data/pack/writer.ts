import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError, onDisk } from "../../base/disk.ts";
import { createFileLater, openOursLater } from "../../base/write.ts";
import { repeatGrey } from "../pixels/decode.ts";
import { BlockWriter, writeFully } from "./blocks.ts";
import { digestChunk, encodeHeader, type PackHeader, packFormat, prefixBytes } from "./format.ts";
import type { LabelColumn, LabelRow } from "./labels.ts";
import type { Splits } from "./splits.ts";

/** One image of 1024x1024 in colour, or many small ones. */
const bufferBytes = 3 * 2 ** 20;

/** How far a pack was written: what a journal needs to go on. */
export interface PackProgress {
  readonly channels: 1 | 3;
  /** Images written. */
  readonly count: number;
  /** sha256 of each full 64 MiB of their pixels. */
  readonly sha256: readonly string[];
}

/** What a pack holds beside its pixels. */
export interface PackContents extends Pick<PackHeader, "crop" | "align" | "source" | "skipped" | "enlarged" | "notes"> {
  /** [count]; gone through twice, and not kept. */
  readonly names: Iterable<string>;
  readonly splits: Splits;
  readonly columns: readonly LabelColumn[];
  /** [count], values of the columns. */
  readonly rows: Iterable<LabelRow>;
}

/**
 * Writes a pack's pixels to `PATH.part`, image after image, and at the end its header and name. While a pack is
 * grey, `promote` turns it into a colour one.
 */
export class PackWriter {
  readonly path: string;
  readonly #side: number;
  #file: FileHandle;
  #channels: 1 | 3;
  #count: number;
  #digests: string[];
  #hash: Hash = createHash("sha256");
  #hashed = 0;
  /** Images not yet written: many small writes would cost more than the pixels. */
  readonly #buffer = Buffer.alloc(bufferBytes);
  #buffered = 0;

  private constructor(path: string, side: number, file: FileHandle, progress: PackProgress) {
    this.path = path;
    this.#side = side;
    this.#file = file;
    this.#channels = progress.channels;
    this.#count = progress.count;
    this.#digests = [...progress.sha256];
  }

  /**
   * @param path       the pack to be; pixels go to `path.part`
   * @param resolution side of its images
   * @param progress   with a count above 0, an existing `.part` is cut back to it and continued
   */
  static async open(path: string, resolution: number, progress: PackProgress): Promise<PackWriter> {
    const part = partOf(path);
    const file = await onDisk(path, () => (progress.count > 0 ? openOursLater(part) : createFileLater(part)));
    const writer = new PackWriter(path, resolution, file, progress);
    try {
      await file.truncate(prefixBytes + progress.count * writer.imageBytes);
      await writer.#rehash();
      return writer;
    } catch (error) {
      await file.close();
      throw diskError(error, part);
    }
  }

  get channels(): 1 | 3 {
    return this.#channels;
  }

  /** Images written. */
  get count(): number {
    return this.#count;
  }

  get imageBytes(): number {
    return this.#side ** 2 * this.#channels;
  }

  get progress(): PackProgress {
    return { channels: this.#channels, count: this.#count, sha256: [...this.#digests] };
  }

  /** Adds one image, uint8 [resolution, resolution, channels]. */
  async append(pixels: Uint8Array): Promise<void> {
    if (pixels.length !== this.imageBytes) {
      throw new RangeError(`pack: expected an image of ${this.imageBytes} bytes, got ${pixels.length}`);
    }
    if (this.#buffered + pixels.length > bufferBytes) await this.#writeBuffer();
    this.#buffer.set(pixels, this.#buffered);
    this.#buffered += pixels.length;
    this.#update(pixels);
    this.#count++;
  }

  /** Everything appended so far is on the disk when this returns. */
  async flush(): Promise<void> {
    await this.#writeBuffer();
    await onDisk(this.path, () => this.#file.datasync());
  }

  /**
   * Grey to colour: writes a colour copy beside, calls `commit` once it is safely on the disk, then puts it in place.
   * `settlePromotion` finishes or undoes a promotion that was interrupted.
   */
  async promote(commit: (progress: PackProgress) => Promise<void>): Promise<void> {
    await this.#writeBuffer();
    const old = this.#file;
    const oldBytes = this.imageBytes;
    const count = this.#count;
    this.#file = await onDisk(this.path, () => createFileLater(promotedOf(this.path)));
    this.#channels = 3;
    this.#count = 0;
    this.#digests = [];
    this.#restartHash();
    try {
      const grey = Buffer.alloc(oldBytes);
      for (let i = 0; i < count; i++) {
        await onDisk(this.path, () => old.read(grey, 0, oldBytes, prefixBytes + i * oldBytes));
        await this.append(repeatGrey(grey));
      }
    } finally {
      await old.close();
    }
    await this.flush();
    await commit(this.progress);
    await onDisk(this.path, () => rename(promotedOf(this.path), partOf(this.path)));
  }

  /** Writes blocks, header and prefix, then gives the pack its name: all or nothing, even if the power fails. */
  async finish({ names, splits, columns, rows, ...fields }: PackContents): Promise<void> {
    await this.#writeBuffer();
    const rest = this.#hashed > 0 ? [this.#hash.digest("hex")] : [];
    const count = this.#count;
    const blocks = new BlockWriter(this.#file, this.path, prefixBytes + count * this.imageBytes);
    const contents: PackHeader = {
      format: packFormat,
      count,
      resolution: this.#side,
      colour: this.#channels === 1 ? "grey" : "rgb",
      ...fields,
      splits: { names: [...splits.names], codes: await blocks.codes(splits.codes) },
      labels: await blocks.labels(columns, rows, count),
      names: await blocks.names(names, count),
      sha256: [...this.#digests, ...rest],
    };
    const { prefix, header } = encodeHeader(contents, blocks.end);
    await writeFully(this.#file, header, blocks.end, this.path);
    await writeFully(this.#file, prefix, 0, this.path);
    await onDisk(this.path, () => this.#file.sync());
    await this.close();
    await onDisk(this.path, () => rename(partOf(this.path), this.path));
    const folder = await open(dirname(this.path), "r");
    await folder.sync().finally(() => folder.close());
  }

  /** Leaves the `.part` as the last `flush` made it, or longer. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async #writeBuffer(): Promise<void> {
    const end = prefixBytes + this.#count * this.imageBytes;
    await writeFully(this.#file, this.#buffer.subarray(0, this.#buffered), end - this.#buffered, this.path);
    this.#buffered = 0;
  }

  #update(pixels: Uint8Array): void {
    for (let at = 0; at < pixels.length; ) {
      const piece = pixels.subarray(at, at + digestChunk - this.#hashed);
      this.#hash.update(piece);
      this.#hashed += piece.length;
      at += piece.length;
      if (this.#hashed === digestChunk) {
        this.#digests.push(this.#hash.digest("hex"));
        this.#restartHash();
      }
    }
  }

  #restartHash(): void {
    this.#hash = createHash("sha256");
    this.#hashed = 0;
  }

  /** Brings the hash of the last, unfinished 64 MiB up to date with a continued file. */
  async #rehash(): Promise<void> {
    const end = this.#count * this.imageBytes;
    const block = Buffer.alloc(2 ** 20);
    for (let at = this.#digests.length * digestChunk; at < end; ) {
      const { bytesRead } = await this.#file.read(block, 0, Math.min(block.length, end - at), prefixBytes + at);
      this.#update(block.subarray(0, bytesRead));
      at += bytesRead;
    }
  }
}

/** Pixels of a pack that is not finished. */
export function partOf(path: string): string {
  return `${path}.part`;
}

/** Colour copy of a `.part` that was grey so far. */
export function promotedOf(path: string): string {
  return `${path}.part-rgb`;
}
