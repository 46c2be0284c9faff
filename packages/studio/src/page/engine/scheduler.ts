// One computation at a time. What a person is dragging comes first, and only its newest state counts; walls of pictures
// wait for that.

interface Waiting {
  readonly start: () => Promise<void>;
  readonly drop: () => void;
}

export class Scheduler {
  /** By key, in the order in which the keys came. */
  readonly #newest = new Map<string, Waiting>();
  readonly #line: Waiting[] = [];
  #busy = false;

  /**
   * The newest of all tasks with a key: one that waits is replaced, one that is being computed ends. So answers come in
   * the order of their requests, and the last request is always answered.
   * @returns the task's result; undefined if it was replaced
   */
  newest<T>(key: string, task: () => Promise<T>): Promise<T | undefined> {
    this.#newest.get(key)?.drop();
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        start: () => task().then(resolve, reject),
        drop: () => resolve(undefined),
      };
      this.#newest.set(key, waiting);
      this.#next();
    });
  }

  /** A task that waits until nothing newer of `newest` does. @param signal drops it while it waits */
  inLine<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        start: () => (signal?.aborted ? Promise.reject(signal.reason) : task()).then(resolve, reject),
        drop: () => reject(signal?.reason),
      };
      this.#line.push(waiting);
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy) return;
    const [first] = this.#newest;
    const waiting = first?.[1] ?? this.#line.shift();
    if (!waiting) return;
    if (first) this.#newest.delete(first[0]);
    this.#busy = true;
    void waiting.start().finally(() => {
      this.#busy = false;
      this.#next();
    });
  }
}
