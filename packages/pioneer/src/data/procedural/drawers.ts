import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { availableThreads } from "../../compute/processor.ts";
import type { FaceParameters } from "./parameters.ts";
import type { Drawing } from "./worker.ts";

/** The thread is always the built one: Node 20 runs no TypeScript. */
const workerFile = fileURLToPath(new URL("../../../dist/data/procedural/worker.js", import.meta.url));

/** Fewer faces than this are drawn sooner than another thread is started. */
const facesPerThread = 64;

interface Thread {
  readonly worker: Worker;
  /** Who waits for its answers, in order. */
  readonly waiting: { resolve(pixels: Uint8Array): void; reject(error: unknown): void }[];
}

/** Threads that draw faces, one for each core. */
export class Drawers {
  readonly #threads: readonly Thread[];

  /** @param count how many faces there are to draw @returns undefined where threads are not worth it, or not built */
  static start(count: number): Drawers | undefined {
    const threads = Math.min(availableThreads(), Math.floor(count / facesPerThread));
    return threads > 1 && existsSync(workerFile) ? new Drawers(threads) : undefined;
  }

  private constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => {
      const thread: Thread = { worker: new Worker(workerFile), waiting: [] };
      const fail = (error: unknown) => {
        for (const waiter of thread.waiting.splice(0)) waiter.reject(error);
      };
      thread.worker.on("message", (pixels: Uint8Array) => thread.waiting.shift()?.resolve(pixels));
      thread.worker.on("error", fail);
      thread.worker.on("exit", () => fail(new Error("the drawing thread has ended")));
      return thread;
    });
  }

  /** @returns as `renderFace` */
  draw(face: FaceParameters, resolution: number): Promise<Uint8Array> {
    const thread = this.#threads.reduce((a, b) => (b.waiting.length < a.waiting.length ? b : a));
    return new Promise((resolve, reject) => {
      thread.waiting.push({ resolve, reject });
      thread.worker.postMessage({ face, resolution } satisfies Drawing);
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }
}
