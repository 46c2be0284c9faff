// One computation at a time. What a person is dragging comes first, and only its newest state counts; walls of pictures
// wait for that.

type Start = () => Promise<void>;

export class Scheduler {
  /** By key, in the order in which the keys came. */
  readonly #newest = new Map<string, { readonly start: Start; readonly drop: () => void }>();
  readonly #line: Start[] = [];
  #busy = false;

  /**
   * The newest of all tasks with a key: one that waits is replaced, one that is being computed ends. So answers come in
   * the order of their requests, and the last request is always answered.
   * @returns the task's result; undefined if it was replaced
   */
  newest<T>(key: string, task: () => Promise<T>): Promise<T | undefined> {
    this.#newest.get(key)?.drop();
    return new Promise((resolve, reject) => {
      this.#newest.set(key, { start: () => task().then(resolve, reject), drop: () => resolve(undefined) });
      this.#next();
    });
  }

  /** A task that waits until nothing newer of `newest` does. @param signal aborted before its turn, it is not started */
  inLine<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#line.push(() => (signal?.aborted ? Promise.reject(signal.reason) : task()).then(resolve, reject));
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy) return;
    const [first] = this.#newest;
    const start = first?.[1].start ?? this.#line.shift();
    if (!start) return;
    if (first) this.#newest.delete(first[0]);
    this.#busy = true;
    void start().finally(() => {
      this.#busy = false;
      this.#next();
    });
  }
}
