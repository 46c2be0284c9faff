import { scope, stack, type Tensor } from "pioneer-torch";
import type { StepLosses } from "../objectives/index.ts";
import type { Losses } from "./events.ts";

/** [losses], float32, on their device; in the order of the object. */
export const stackLosses = (losses: StepLosses): Tensor =>
  scope(() => stack(Object.values(losses).map((loss): Tensor => loss.to("float32"))));

/** The losses of a step as numbers: one transfer from the device. */
export function readLosses(losses: StepLosses): Losses {
  const values = scope(() => stackLosses(losses).toFloat32Array());
  return Object.fromEntries(Object.keys(losses).map((name, i) => [name, values[i] as number]));
}

/** Means over the steps since the last tick. */
export class Meter {
  #sums: Record<string, number> = {};
  #steps = 0;
  #images = 0;
  #since = performance.now();

  add(losses: Losses, images: number): void {
    for (const [name, value] of Object.entries(losses)) this.#sums[name] = (this.#sums[name] ?? 0) + value;
    this.#steps++;
    this.#images += images;
  }

  get seconds(): number {
    return (performance.now() - this.#since) / 1000;
  }

  /** The means, and a new beginning. @param pausedSeconds time that was not training */
  take(pausedSeconds: number): { losses: Losses; imagesPerSecond: number } {
    const losses = Object.fromEntries(Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#steps]));
    const imagesPerSecond = this.#images / Math.max(1e-9, this.seconds - pausedSeconds);
    this.#sums = {};
    this.#steps = 0;
    this.#images = 0;
    this.#since = performance.now();
    return { losses, imagesPerSecond };
  }
}
