/** Runs tasks one after the other, in the order they came; one that fails does not hold up those after it. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param signal once aborted, the call is rejected at once with its reason; a task that waits is then never started, one
   * that runs cannot be stopped, and the next begins when it has ended
   */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const result = this.#last.then(() => {
      signal?.throwIfAborted();
      return task();
    });
    this.#last = result.catch(() => undefined);
    return signal ? untilAborted(result, signal) : result;
  }
}

/** The result, or the signal's reason if that comes first. */
export function untilAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
