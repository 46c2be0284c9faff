import { close, createReadStream, open, read } from "node:fs";
import type { Readable } from "node:stream";
import yauzl from "yauzl";
import { openFile } from "./read.ts";

/**
 * Reads a file at the places that a zip names. yauzl's own reader lets Node throw at offsets that no file has, out of
 * reach of any handler: a damaged zip would end the process.
 */
class BoundedReader extends yauzl.RandomAccessReader {
  readonly #fd: number;
  readonly #bytes: number;

  constructor(fd: number, bytes: number) {
    super();
    this.#fd = fd;
    this.#bytes = bytes;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, read?: number) => void,
  ): void {
    if (Number.isSafeInteger(position) && position >= 0 && position + length <= this.#bytes) {
      read(this.#fd, buffer, offset, length, position, callback);
    } else {
      setImmediate(callback, new Error(`it points at byte ${position}, the file has ${this.#bytes}`));
    }
  }

  override _readStreamForRange(start: number, end: number): Readable {
    // A stream that is destroyed closes its file, whatever autoClose says: ours stays open for the next entry.
    const keepOpen = (_: number, done: (error: null) => void) => done(null);
    return createReadStream("", { fd: this.#fd, start, end: end - 1, fs: { open, read, close: keepOpen } });
  }

  override close(callback: (error: Error | null) => void): void {
    close(this.#fd, callback);
  }
}

/**
 * Opens a zip whose entries are read one by one.
 * @param options.rawNames entries have their names as bytes alone, and none is refused for its name
 * @throws the file system's error, or yauzl's about the zip
 */
export async function openZipFile(path: string, { rawNames = false } = {}): Promise<yauzl.ZipFile> {
  const { fd, bytes: size } = openFile(path);
  try {
    const options = { autoClose: false, decodeStrings: !rawNames };
    return await yauzl.fromRandomAccessReaderPromise(new BoundedReader(fd, size), size, options);
  } catch (error) {
    close(fd);
    throw error;
  }
}
