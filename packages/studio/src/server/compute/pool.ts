import { availableParallelism } from "node:os";
import { closing } from "../base/errors.ts";
import { Computer } from "./computer.ts";
import type { Computed, Job, ModelPlace } from "./protocol.ts";

interface Waiting {
  readonly model: ModelPlace;
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly resolve: (computed: Computed) => void;
  readonly reject: (error: unknown) => void;
}

/** Processes that compute, started when they are needed; jobs wait in the order they came. */
export class Pool {
  readonly #size: number;
  readonly #threads: number;
  readonly #idle: Computer[] = [];
  readonly #busy = new Set<Computer>();
  readonly #queue = new Set<Waiting>();
  #closed = false;

  /** @param size how many jobs are computed at once; they share the processor's threads */
  constructor(size: number) {
    this.#size = size;
    this.#threads = Math.max(1, Math.floor(availableParallelism() / size));
  }

  /**
   * @param signal once aborted, a job that waits is never computed; of one that is, nobody hears
   * @throws ModelError, StudioError; the signal's reason
   */
  run(model: ModelPlace, job: Job, signal: AbortSignal): Promise<Computed> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (this.#closed) throw closing();
      const waiting: Waiting = { model, job, signal, resolve, reject };
      this.#queue.add(waiting);
      signal.addEventListener("abort", () => {
        this.#queue.delete(waiting);
        reject(signal.reason);
      });
      this.#next();
    });
  }

  /** Ends all processes; jobs that wait or are computed fail. */
  close(): void {
    this.#closed = true;
    for (const { reject } of this.#queue) reject(closing());
    this.#queue.clear();
    for (const computer of [...this.#idle, ...this.#busy]) computer.end();
  }

  #next(): void {
    const [first] = this.#queue;
    if (!first || this.#busy.size >= this.#size) return;
    this.#queue.delete(first);
    const computer = this.#takeIdle();
    this.#busy.add(computer);
    computer
      .run({ model: first.model, job: first.job, threads: this.#threads })
      .then(first.resolve, first.reject)
      .finally(() => {
        this.#busy.delete(computer);
        if (!computer.ended) this.#idle.push(computer);
        this.#next();
      });
  }

  /** The one used last, which has the model in its caches most likely. */
  #takeIdle(): Computer {
    const found = this.#idle.pop();
    if (!found) return new Computer();
    return found.ended ? this.#takeIdle() : found;
  }
}
