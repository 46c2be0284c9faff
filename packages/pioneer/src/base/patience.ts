/** Seconds after which somebody who waits wants to know what is going on. */
const patienceSeconds = 2;

/** Passes on what is being done, but only once it takes long: a line every two seconds. */
export class PatientLog {
  readonly #log: (text: string) => void;
  #since = performance.now();

  constructor(log: (text: string) => void) {
    this.#log = log;
  }

  doing(text: string): void {
    if (performance.now() - this.#since < 1000 * patienceSeconds) return;
    this.#since = performance.now();
    this.#log(text);
  }
}
