import type { Losses } from "./events.ts";
import type { ReadStep } from "./loss-ring.ts";

/** Means over the steps since the last tick. */
export class Meter {
  #sums: Record<string, number> = {};
  #steps = 0;
  #images = 0;
  #since = performance.now();
  #pausedSeconds = 0;

  add(steps: readonly Pick<ReadStep, "losses" | "batch">[]): void {
    for (const { losses, batch } of steps) {
      for (const [name, value] of Object.entries(losses)) this.#sums[name] = (this.#sums[name] ?? 0) + value;
      this.#steps++;
      this.#images += batch;
    }
  }

  get seconds(): number {
    return (performance.now() - this.#since) / 1000;
  }

  /** Does work that is not training: the images per second leave its time out. */
  async pause(work: () => Promise<void> | void): Promise<void> {
    const start = performance.now();
    await work();
    this.#pausedSeconds += (performance.now() - start) / 1000;
  }

  /** The means, and a new beginning. */
  take(): Means {
    const losses = Object.fromEntries(Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#steps]));
    const imagesPerSecond = this.#images / Math.max(1e-9, this.seconds - this.#pausedSeconds);
    this.#sums = {};
    this.#steps = 0;
    this.#images = 0;
    this.#since = performance.now();
    this.#pausedSeconds = 0;
    return { losses, imagesPerSecond };
  }
}

export interface Means {
  readonly losses: Losses;
  readonly imagesPerSecond: number;
}
