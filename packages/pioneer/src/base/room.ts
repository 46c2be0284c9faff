/** Memory that work shares: it waits for its turn until there is room for what it holds. */
export class Room {
  readonly #bytes: number;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];
  #taken = 0;

  /** @param bytes at once; what is larger goes alone */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Does work in the order of asking, once there is room. @param bytes it holds, more than 0, until it ends */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((enter) => {
      this.#waiting.push({ bytes, enter });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#taken -= bytes;
      this.#admit();
    }
  }

  #admit(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || (this.#taken > 0 && this.#taken + first.bytes > this.#bytes)) return;
      this.#waiting.shift();
      this.#taken += first.bytes;
      first.enter();
    }
  }
}
