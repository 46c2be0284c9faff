/** Rows of a table by the file that each belongs to, numbered in the order they came. */
export class FileRows {
  readonly #rows = new Map<string, number>();

  /** How many files it names. */
  get size(): number {
    return this.#rows.size;
  }

  /** The file of its first row. */
  get first(): string | undefined {
    return this.#rows.keys().next().value;
  }

  /** The number of a file's row. @param file normalised */
  rowOf(file: string): number | undefined {
    return this.#rows.get(file);
  }

  /** Files with the numbers of their rows. */
  get names(): Iterable<readonly [file: string, row: number]> {
    return this.#rows;
  }

  /** Gives a file the next row. */
  protected addFile(file: string): void {
    this.#rows.set(file, this.#rows.size);
  }
}
