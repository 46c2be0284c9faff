/** Seconds after which somebody who waits wants to know what is going on. */
const patienceSeconds = 2;

/** Passes on what is being done, but only once it takes long: a line every so many seconds. */
export class PatientLog {
  readonly #log: (text: string) => void;
  readonly #seconds: number;
  #since = performance.now();

  constructor(log: (text: string) => void, seconds = patienceSeconds) {
    this.#log = log;
    this.#seconds = seconds;
  }

  doing(text: string): void {
    if (performance.now() - this.#since < 1000 * this.#seconds) return;
    this.#since = performance.now();
    this.#log(text);
  }
}
