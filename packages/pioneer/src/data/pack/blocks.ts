import { createHash, type Hash } from "node:crypto";
import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { onDisk } from "../../base/disk.ts";
import { lookInto } from "../../base/read.ts";
import { type Block, cutShort, damaged, type PackHeader, type StoredLabel } from "./format.ts";
import { cellEncoder, type LabelColumn, type LabelRow } from "./labels.ts";
import { type Names, NameTable } from "./names.ts";

/** Bytes put together before they are written, of all open blocks together. */
const bufferBytes = 4 * 2 ** 20;

/** Writes a pack's blocks, from byte `end` of the file on. Memory does not grow with the number of images. */
export class BlockWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  #end: number;

  constructor(file: FileHandle, path: string, end: number) {
    this.#file = file;
    this.#path = path;
    this.#end = end;
  }

  /** Where the last block ends. */
  get end(): number {
    return this.#end;
  }

  async codes(codes: Int32Array): Promise<Block> {
    const block = this.#begin(codes.byteLength);
    await block.write(codes);
    return block.finish();
  }

  async names(names: Iterable<string>, count: number): Promise<PackHeader["names"]> {
    const lengths = new Uint32Array(count);
    let total = 0;
    let at = 0;
    for (const name of names) {
      const bytes = Buffer.byteLength(name);
      lengths[at++] = bytes;
      total += bytes;
    }
    const [first, second] = [this.#begin(lengths.byteLength), this.#begin(total)];
    await first.write(lengths);
    const buffer = Buffer.alloc(bufferBytes);
    let used = 0;
    at = 0;
    for (const name of names) {
      const bytes = lengths[at++] as number;
      if (used + bytes > bufferBytes) {
        await second.write(buffer.subarray(0, used));
        used = 0;
      }
      if (bytes > bufferBytes) await second.write(Buffer.from(name));
      else used += buffer.write(name, used);
    }
    await second.write(buffer.subarray(0, used));
    return { lengths: first.finish(), text: second.finish() };
  }

  /** All columns at once, some rows at a time: a row may be costly to make, and the columns too large for the memory. */
  async labels(columns: readonly LabelColumn[], rows: Iterable<LabelRow>, count: number): Promise<StoredLabel[]> {
    const rowsAtOnce = Math.max(1, Math.min(count, Math.floor(bufferBytes / 8 / Math.max(1, columns.length))));
    const parts = columns.map((column) => {
      const values = column.kind === "number" ? new Float64Array(rowsAtOnce) : new Int32Array(rowsAtOnce);
      return { column, encode: cellEncoder(column), values, block: this.#begin(count * values.BYTES_PER_ELEMENT) };
    });
    let filled = 0;
    const write = async () => {
      for (const { block, values } of parts) await block.write(values.subarray(0, filled));
      filled = 0;
    };
    for (const row of rows) {
      for (const { column, encode, values } of parts) values[filled] = encode(row[column.name]);
      if (++filled === rowsAtOnce) await write();
    }
    await write();
    return parts.map(({ column, block }) =>
      column.kind === "number"
        ? { ...column, values: block.finish() }
        : { ...column, categories: [...column.categories], codes: block.finish() },
    );
  }

  #begin(bytes: number): OpenBlock {
    const offset = Math.ceil(this.#end / 8) * 8;
    this.#end = offset + bytes;
    return new OpenBlock(this.#file, this.#path, offset, bytes);
  }
}

/** A block that is being written from front to back; others may be written in between. */
class OpenBlock {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #offset: number;
  readonly #bytes: number;
  readonly #hash: Hash = createHash("sha256");
  #written = 0;

  constructor(file: FileHandle, path: string, offset: number, bytes: number) {
    this.#file = file;
    this.#path = path;
    this.#offset = offset;
    this.#bytes = bytes;
  }

  async write(values: Buffer | Int32Array | Uint32Array | Float64Array): Promise<void> {
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    this.#hash.update(bytes);
    await writeFully(this.#file, bytes, this.#offset + this.#written, this.#path);
    this.#written += bytes.length;
  }

  finish(): Block {
    if (this.#written !== this.#bytes) throw new RangeError(`block of ${this.#bytes} bytes: ${this.#written} came`);
    return { offset: this.#offset, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }
}

/** Writes all of `bytes`. @throws DataError if the disk refuses */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await onDisk(path, () => file.write(bytes, done, bytes.length - done, position + done));
    done += bytesWritten;
  }
}

/**
 * Reads a block and compares its digest.
 * @param what the block's content, for the error
 * @throws DataError if the file has changed or is damaged
 */
export function readBlock(path: string, { offset, bytes, sha256 }: Block, what: string): ArrayBuffer {
  const values = Buffer.from(new ArrayBuffer(bytes));
  lookInto(path, ({ fd }) => readInto(fd, values, offset, path));
  if (createHash("sha256").update(values).digest("hex") !== sha256) {
    throw damaged(path, `its ${what} do not match their sha256`);
  }
  return values.buffer;
}

/** Codes from `least` to `end` - 1. @throws DataError where one is another */
export function readCodes(
  path: string,
  block: Block,
  { least, end, what }: { readonly least: number; readonly end: number; readonly what: string },
): Int32Array {
  const codes = new Int32Array(readBlock(path, block, what));
  if (codes.some((code) => code < least || code >= end)) throw damaged(path, `its ${what} do not fit its images`);
  return codes;
}

/** @throws DataError if the names are damaged */
export function readNames(path: string, names: PackHeader["names"]): Names {
  const lengths = new Uint32Array(readBlock(path, names.lengths, "names"));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total !== names.text.bytes) throw damaged(path, "its names do not fit their lengths");
  return NameTable.fromUtf8(Buffer.from(readBlock(path, names.text, "names")), lengths);
}

/** Fills `bytes` from a place in a file. @throws DataError where the file ends before */
export function readInto(file: number, bytes: Buffer, offset: number, path: string): void {
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, offset + done);
    if (read === 0) throw cutShort(path, offset + bytes.length, offset + done);
    done += read;
  }
}
