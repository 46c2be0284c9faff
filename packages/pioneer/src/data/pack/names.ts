/** Names of images, in their order; each is made into a string when it is asked for. */
export interface Names extends Iterable<string> {
  readonly length: number;
  /** @throws RangeError for an index that there is not */
  at(index: number): string;
}

/** Names that lie in one piece of memory. */
const blockNames = 4096;

interface Block {
  readonly bytes: Buffer;
  /** Where each name ends. */
  readonly ends: Uint32Array;
}

/** Names kept as UTF-8: three million of 40 letters take 132 MB, as strings in an array 190. */
export class NameTable implements Names {
  readonly #full: Block[] = [];
  /** The last block, which still grows. */
  #bytes: Buffer = Buffer.alloc(0);
  #ends = new Uint32Array(0);
  #length = 0;

  static from(names: Iterable<string>): NameTable {
    const table = new NameTable();
    for (const name of names) table.push(name);
    return table;
  }

  /** @param text the names one after the other; it is kept, not copied @param lengths bytes of each */
  static fromUtf8(text: Buffer, lengths: Uint32Array): NameTable {
    const table = new NameTable();
    let start = 0;
    for (let first = 0; first < lengths.length; first += blockNames) {
      if (first > 0) table.#full.push({ bytes: table.#bytes, ends: table.#ends });
      table.#ends = new Uint32Array(blockNames);
      let end = 0;
      for (const [i, length] of lengths.subarray(first, first + blockNames).entries()) {
        end += length;
        table.#ends[i] = end;
      }
      table.#bytes = text.subarray(start, start + end);
      start += end;
    }
    table.#length = lengths.length;
    return table;
  }

  get length(): number {
    return this.#length;
  }

  push(name: string): void {
    const at = this.#length % blockNames;
    if (at === 0) this.#beginBlock();
    const start = at === 0 ? 0 : (this.#ends[at - 1] as number);
    const end = start + Buffer.byteLength(name);
    if (end > this.#bytes.length) this.#bytes = grown(this.#bytes, end);
    this.#bytes.write(name, start);
    this.#ends[at] = end;
    this.#length++;
  }

  at(index: number): string {
    if (!Number.isInteger(index) || index < 0 || index >= this.#length) {
      throw new RangeError(`no name ${index} of ${this.#length}`);
    }
    const { bytes, ends } = this.#full[Math.floor(index / blockNames)] ?? { bytes: this.#bytes, ends: this.#ends };
    const at = index % blockNames;
    return bytes.toString("utf8", at === 0 ? 0 : ends[at - 1], ends[at]);
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let i = 0; i < this.#length; i++) yield this.at(i);
  }

  #beginBlock(): void {
    if (this.#length > 0) {
      const used = this.#ends[blockNames - 1];
      this.#full.push({ bytes: Buffer.from(this.#bytes.subarray(0, used)), ends: this.#ends });
    }
    this.#ends = new Uint32Array(blockNames);
  }
}

/** A larger buffer with the same beginning. */
function grown(bytes: Buffer, least: number): Buffer {
  const larger = Buffer.alloc(Math.max(least, 2 * bytes.length, 4096));
  bytes.copy(larger);
  return larger;
}
