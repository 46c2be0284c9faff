import { closeSync, openSync, writeSync } from "node:fs";

// LMDB's data format 1, as src/data/sources/lmdb.ts describes it, for values small enough to lie in the leaves.

const pageBytes = 4096;
const pageHead = 16;
const nodeHead = 8;
const flags = { branch: 0x01, leaf: 0x02, meta: 0x08 };
/** A larger value would be on pages of its own. */
const maxNodeBytes = 2038;

const nothing = Buffer.alloc(0);

/** An entry, or a page below. */
interface Node {
  /** Its first 6 bytes: size of the value and flags, or the page's number. */
  readonly head: Buffer;
  readonly key: Buffer;
  readonly value: Buffer;
}

interface Place {
  readonly key: Buffer;
  readonly number: number;
}

/** One page that fills from its end; places of its nodes from its head on. */
class Page {
  readonly bytes = Buffer.alloc(pageBytes);
  #lower = pageHead;
  #upper = pageBytes;

  constructor(number: number, flag: number) {
    this.bytes.writeBigUInt64LE(BigInt(number), 0);
    this.bytes.writeUInt16LE(flag, 10);
  }

  /** @returns false where there is no room */
  add(head: Buffer, key: Buffer, value: Buffer): boolean {
    const size = nodeHead + key.length + value.length;
    const at = this.#upper - size - (size % 2);
    if (at < this.#lower + 2) return false;
    head.copy(this.bytes, at);
    this.bytes.writeUInt16LE(key.length, at + 6);
    key.copy(this.bytes, at + nodeHead);
    value.copy(this.bytes, at + nodeHead + key.length);
    this.bytes.writeUInt16LE(at, this.#lower);
    this.#lower += 2;
    this.#upper = at;
    this.bytes.writeUInt16LE(this.#lower, 12);
    this.bytes.writeUInt16LE(this.#upper, 14);
    return true;
  }
}

/**
 * Writes data.mdb, of any number of entries.
 * @param entries keys, ascending, and values of at most about 2000 bytes
 */
export function writeLmdb(path: string, entries: Iterable<readonly [key: string, value: Buffer]>): void {
  const file = openSync(path, "w");
  let pages = 2;
  const write = (page: Page) =>
    writeSync(file, page.bytes, 0, pageBytes, Number(page.bytes.readBigUInt64LE(0)) * pageBytes);
  /** Writes the pages of one level of the tree. @returns first key and number of each */
  const writeLevel = (flag: number, nodes: Iterable<Node>): Place[] => {
    const places: Place[] = [];
    let page: Page | undefined;
    for (const { head, key, value } of nodes) {
      if (page?.add(head, key, value)) continue;
      if (page !== undefined) write(page);
      page = new Page(pages, flag);
      places.push({ key, number: pages++ });
      // The first key of a branch page is not written: everything below the second one is there.
      page.add(head, flag === flags.branch ? nothing : key, value);
    }
    if (page !== undefined) write(page);
    return places;
  };
  let count = 0;
  const leafNodes = function* (): Iterable<Node> {
    for (const [name, value] of entries) {
      if (nodeHead + name.length + value.length > maxNodeBytes) throw new RangeError(`${name}: too large a value`);
      const head = Buffer.alloc(6);
      head.writeUInt32LE(value.length, 0);
      yield { head, key: Buffer.from(name, "latin1"), value };
      count++;
    }
  };
  const branchNodes = function* (below: readonly Place[]): Iterable<Node> {
    for (const { key, number } of below) {
      const head = Buffer.alloc(6);
      head.writeUIntLE(number, 0, 6);
      yield { head, key, value: nothing };
    }
  };
  let level = writeLevel(flags.leaf, leafNodes());
  const leaves = level.length;
  let depth = Math.min(1, leaves);
  for (; level.length > 1; depth++) level = writeLevel(flags.branch, branchNodes(level));
  for (const number of [0, 1]) {
    const meta = Buffer.alloc(pageBytes);
    meta.writeBigUInt64LE(BigInt(number), 0);
    meta.writeUInt16LE(flags.meta, 10);
    meta.writeUInt32LE(0xbeefc0de, pageHead);
    meta.writeUInt32LE(1, pageHead + 4);
    meta.writeBigUInt64LE(BigInt(pages * pageBytes), pageHead + 16);
    meta.writeUInt32LE(pageBytes, pageHead + 24);
    meta.writeBigUInt64LE(2n ** 64n - 1n, pageHead + 24 + 40); // no free pages
    const main = pageHead + 72;
    meta.writeUInt16LE(depth, main + 6);
    meta.writeBigUInt64LE(BigInt(pages - 2 - leaves), main + 8);
    meta.writeBigUInt64LE(BigInt(leaves), main + 16);
    meta.writeBigUInt64LE(BigInt(count), main + 32);
    meta.writeBigUInt64LE(level[0] === undefined ? 2n ** 64n - 1n : BigInt(level[0].number), main + 40);
    meta.writeBigUInt64LE(BigInt(pages - 1), pageHead + 120);
    meta.writeBigUInt64LE(BigInt(number + 1), pageHead + 128);
    writeSync(file, meta, 0, pageBytes, number * pageBytes);
  }
  closeSync(file);
}
