import type { FileHandle } from "node:fs/promises";
import { onDisk } from "../../base/disk.ts";
import { DataError } from "../../base/errors.ts";
import { openFileLater } from "../../base/read.ts";
import { type Names, NameTable } from "../pack/names.ts";
import { readExactly } from "./raw.ts";

// LMDB's data format 1 as a 64-bit little-endian machine writes it (lmdb.h and mdb.c of OpenLDAP's liblmdb 0.9):
//   page   0 number u64, 10 flags u16, 12 lower u16, 14 upper u16 (12 pages u32 on overflow pages), 16 offsets of nodes u16
//   meta   page 0 or 1, from byte 16: magic u32, version u32, address u64, map size u64, two databases, last page u64, transaction u64
//   db     0 page size or pad u32, 4 flags u16, 6 depth u16, 8 branch, leaf and overflow pages u64, 32 entries u64, 40 root u64
//   node   0 size or child u32, 4 flags (child, high bits) u16, 6 key size u16, 8 key, then the value or its overflow page u64

const magic = 0xbeefc0de;
const version = 1;
const headerBytes = 16;
const metaBytes = 136;
const nodeBytes = 8;
const flags = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08, kinds: 0x6f };
const nodeFlags = { big: 0x01 };
/** Databases with several values a key have another layout. */
const sortedDuplicates = 0x04;
const maxKeyBytes = 511;
const maxDepth = 32;
/** Pages read at a time while listing. */
const readAhead = 64;

/** Where a value is: in a leaf page, or from byte 16 of an overflow page on. */
export interface LmdbEntries {
  /** Ascending; keys that are not ASCII text in hexadecimal. */
  readonly keys: Names;
  /** Byte of the file a value begins at. */
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
}

/**
 * An LMDB environment, read only: its main database, one value a key. Every offset is checked against the file before it
 * is used, and no page is visited twice, so that a damaged file ends in an error and nothing else.
 */
export class LmdbFile {
  readonly entries: LmdbEntries;
  readonly #file: FileHandle;
  readonly #isBig: Uint8Array;
  readonly #pageSize: number;

  private constructor(file: FileHandle, pageSize: number, entries: LmdbEntries, isBig: Uint8Array) {
    this.#file = file;
    this.#pageSize = pageSize;
    this.entries = entries;
    this.#isBig = isBig;
  }

  /**
   * Lists all entries; this reads the tree but none of the large values, some 14 MB per gigabyte of photos.
   * @param path data.mdb
   * @throws DataError in one line: not LMDB, another format, cut short, damaged
   */
  static async open(path: string): Promise<LmdbFile> {
    const file = (await openFileLater(path)).file;
    try {
      const { size } = await onDisk(path, () => file.stat());
      const meta = await readMeta(file, size, path);
      const listing = new Listing(file, size, meta, path);
      await onDisk(path, () => listing.visit());
      const { keys, offsets, lengths, isBig } = listing.finish();
      return new LmdbFile(file, meta.pageSize, { keys, offsets, lengths }, isBig);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** @throws DataError, without the file's name, for a value that is not whole */
  async read(index: number): Promise<Buffer> {
    const { keys, offsets, lengths } = this.entries;
    if (!(index >= 0 && index < keys.length)) throw new RangeError(`no entry ${index} of ${keys.length}`);
    const offset = offsets[index] as number;
    const length = lengths[index] as number;
    if (this.#isBig[index] === 0) return await readExactly(this.#file, offset, length);
    const bytes = await readExactly(this.#file, offset - headerBytes, headerBytes + length);
    const pages = bytes.readUInt32LE(12);
    const isWhole = (bytes.readUInt16LE(10) & flags.overflow) !== 0 && pages * this.#pageSize >= bytes.length;
    if (!isWhole || pageNumber(bytes, 0) !== (offset - headerBytes) / this.#pageSize) {
      throw new DataError("is damaged: its page is not one of large values");
    }
    return bytes.subarray(headerBytes);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Whether the first bytes of a file are those of an LMDB environment. */
export function hasLmdbMagic(start: Buffer): boolean {
  return start.length >= headerBytes + 4 && start.readUInt32LE(headerBytes) === magic;
}

interface Meta {
  readonly pageSize: number;
  readonly flags: number;
  readonly depth: number;
  readonly entries: number;
  /** undefined: empty. */
  readonly root: number | undefined;
  readonly transaction: bigint;
}

/** The newer of the two meta pages that is whole. */
async function readMeta(file: FileHandle, size: number, path: string): Promise<Meta> {
  if (size < headerBytes + metaBytes) throw new DataError(`${path}: cut short after ${size} bytes; download it again`);
  const first = await readExactly(file, 0, headerBytes + metaBytes);
  const metas: Meta[] = [];
  const problem = metaProblem(first);
  if (problem === undefined) metas.push(toMeta(first));
  // The second page begins where the first one's page size says; without a first one, at the usual size.
  const pageSize = metas[0]?.pageSize ?? 4096;
  if (size >= pageSize + headerBytes + metaBytes) {
    const second = await readExactly(file, pageSize, headerBytes + metaBytes);
    if (metaProblem(second) === undefined) metas.push(toMeta(second));
  }
  const [newest] = metas.sort((a, b) => (a.transaction > b.transaction ? -1 : 1));
  if (newest === undefined) throw new DataError(`${path}: ${problem}`);
  if ((newest.flags & sortedDuplicates) !== 0) {
    throw new DataError(`${path}: an LMDB database with several values a key, not one of images`);
  }
  return newest;
}

function metaProblem(page: Buffer): string | undefined {
  if (page.readUInt32LE(headerBytes) !== magic) return "not an LMDB environment; download it again";
  const found = page.readUInt32LE(headerBytes + 4);
  if (found !== version) return `has LMDB data format ${found}; ${version} is read, which LSUN's files have`;
  const pageSize = page.readUInt32LE(headerBytes + 24);
  const isSize = pageSize >= 512 && pageSize <= 65536 && (pageSize & (pageSize - 1)) === 0;
  if (!isSize || (page.readUInt16LE(10) & flags.meta) === 0) return "is damaged in its first page; download it again";
  return undefined;
}

function toMeta(page: Buffer): Meta {
  const main = headerBytes + 72;
  const root = page.readBigUInt64LE(main + 40);
  return {
    pageSize: page.readUInt32LE(headerBytes + 24),
    flags: page.readUInt16LE(main + 4),
    depth: page.readUInt16LE(main + 6),
    entries: Number(page.readBigUInt64LE(main + 32)),
    root: root === 2n ** 64n - 1n ? undefined : Number(root),
    transaction: page.readBigUInt64LE(headerBytes + 128),
  };
}

/** The walk through the tree, which collects what the leaves say. */
class Listing {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #meta: Meta;
  readonly #path: string;
  readonly #visited: Uint8Array;
  readonly #keys = new NameTable();
  #offsets: Float64Array;
  #lengths: Uint32Array;
  #isBig: Uint8Array;
  #lastKey: Buffer | undefined;

  constructor(file: FileHandle, size: number, meta: Meta, path: string) {
    this.#file = file;
    this.#size = size;
    this.#meta = meta;
    this.#path = path;
    this.#visited = new Uint8Array(Math.ceil(size / meta.pageSize / 8));
    // An entry takes ten bytes at least, whatever the file says of their number.
    if (!(meta.entries <= size / (nodeBytes + 2))) throw this.#damaged(`it cannot hold ${meta.entries} entries`);
    this.#offsets = new Float64Array(meta.entries);
    this.#lengths = new Uint32Array(meta.entries);
    this.#isBig = new Uint8Array(meta.entries);
  }

  async visit(): Promise<void> {
    const { root, depth } = this.#meta;
    if (root === undefined) return;
    if (depth < 1 || depth > maxDepth) throw this.#damaged(`its tree is ${depth} pages deep`);
    await this.#visitPage(root, await this.#readPage(root), depth);
  }

  finish(): LmdbEntries & { isBig: Uint8Array } {
    if (this.#keys.length !== this.#meta.entries) {
      throw this.#damaged(`it holds ${this.#keys.length} entries, and says ${this.#meta.entries}`);
    }
    return { keys: this.#keys, offsets: this.#offsets, lengths: this.#lengths, isBig: this.#isBig };
  }

  async #visitPage(number: number, page: Buffer, depth: number): Promise<void> {
    const kind = page.readUInt16LE(10) & flags.kinds;
    if (pageNumber(page, 0) !== number) throw this.#damaged(`page ${number} has another number`);
    if (kind !== (depth === 1 ? flags.leaf : flags.branch)) throw this.#damaged(`page ${number} is of the wrong kind`);
    const nodes = this.#nodesOf(number, page);
    if (depth === 1) {
      for (const node of nodes) this.#addEntry(number, page, node);
      return;
    }
    const children = nodes.map((at) => page.readUInt32LE(at) + page.readUInt16LE(at + 4) * 2 ** 32);
    for (let i = 0; i < children.length; i += readAhead) {
      const some = children.slice(i, i + readAhead);
      const pages = await Promise.all(some.map((child) => this.#readPage(child)));
      for (const [j, child] of some.entries()) await this.#visitPage(child, pages[j] as Buffer, depth - 1);
    }
  }

  /** Offsets of the nodes in a page, each with room for its head and key. */
  #nodesOf(number: number, page: Buffer): number[] {
    const lower = page.readUInt16LE(12);
    const upper = page.readUInt16LE(14);
    const isSane = lower > headerBytes && lower % 2 === 0 && lower <= upper && upper <= page.length;
    if (!isSane) throw this.#damaged(`page ${number} has no room for its entries`);
    return Array.from({ length: (lower - headerBytes) / 2 }, (_, i) => {
      const at = page.readUInt16LE(headerBytes + 2 * i);
      const fits = at >= upper && at + nodeBytes <= page.length && keyEnd(page, at) <= page.length;
      if (!fits) throw this.#damaged(`an entry of page ${number} lies outside of it`);
      return at;
    });
  }

  #addEntry(number: number, page: Buffer, at: number): void {
    const index = this.#keys.length;
    if (index >= this.#meta.entries)
      throw this.#damaged(`it holds more than the ${this.#meta.entries} entries it says`);
    const end = keyEnd(page, at);
    const key = page.subarray(at + nodeBytes, end);
    if (key.length === 0 || key.length > maxKeyBytes)
      throw this.#damaged(`page ${number} has a key of ${key.length} bytes`);
    if (this.#lastKey !== undefined && Buffer.compare(this.#lastKey, key) >= 0) {
      throw this.#damaged(`the keys of page ${number} are not in order`);
    }
    const length = page.readUInt32LE(at);
    const bits = page.readUInt16LE(at + 4);
    const isBig = bits === nodeFlags.big;
    if (bits !== 0 && !isBig)
      throw new DataError(`${this.#path}: an LMDB environment of several databases, not one of images`);
    let offset = number * this.#meta.pageSize + end;
    if (isBig) {
      if (end + 8 > page.length) throw this.#damaged(`an entry of page ${number} lies outside of it`);
      offset = pageNumber(page, end) * this.#meta.pageSize + headerBytes;
      if (offset + length > this.#size) throw this.#cutShort(offset + length);
    } else if (end + length > page.length) {
      throw this.#damaged(`a value of page ${number} lies outside of it`);
    }
    this.#keys.push(keyText(key));
    this.#offsets[index] = offset;
    this.#lengths[index] = length;
    this.#isBig[index] = isBig ? 1 : 0;
    this.#lastKey = key;
  }

  async #readPage(number: number): Promise<Buffer> {
    const { pageSize } = this.#meta;
    const offset = number * pageSize;
    if (offset + pageSize > this.#size) throw this.#cutShort(offset + pageSize);
    const byte = Math.floor(number / 8);
    const bit = 1 << (number % 8);
    if (((this.#visited[byte] as number) & bit) !== 0) throw this.#damaged(`page ${number} is in its tree twice`);
    this.#visited[byte] = (this.#visited[byte] as number) | bit;
    return await readExactly(this.#file, offset, pageSize);
  }

  #cutShort(needed: number): DataError {
    return new DataError(
      `${this.#path}: cut short or damaged: an entry lies at byte ${needed} of ${this.#size}; download it again`,
    );
  }

  #damaged(what: string): DataError {
    return new DataError(`${this.#path}: damaged: ${what}; download it again`);
  }
}

/** As a number: beyond 2^53 it is rounded, and then beyond any file. */
function pageNumber(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function keyEnd(page: Buffer, at: number): number {
  return at + nodeBytes + page.readUInt16LE(at + 6);
}

function keyText(key: Buffer): string {
  for (const byte of key) if (byte <= 0x20 || byte >= 0x7f) return key.toString("hex");
  return key.toString("latin1");
}
