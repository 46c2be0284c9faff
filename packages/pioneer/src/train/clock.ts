/** How long a session of a run has taken; it begins when this is made. */
export class SessionClock {
  readonly #began = performance.now();
  readonly #secondsBefore: number;
  #checkpoint = this.#began;

  /** @param secondsBefore of training in earlier sessions of the run */
  constructor(secondsBefore: number) {
    this.#secondsBefore = secondsBefore;
  }

  /** Of this session. */
  get minutes(): number {
    return (performance.now() - this.#began) / 60_000;
  }

  /** Of the whole run. */
  get elapsedSeconds(): number {
    return this.#secondsBefore + (performance.now() - this.#began) / 1000;
  }

  /** Since the last checkpoint of this session, or its beginning. */
  get minutesSinceCheckpoint(): number {
    return (performance.now() - this.#checkpoint) / 60_000;
  }

  noteCheckpoint(): void {
    this.#checkpoint = performance.now();
  }
}
