import { scope, stack, type Tensor } from "pioneer-torch";
import { DivergedError } from "../errors.ts";
import type { Losses } from "./events.ts";
import type { StepLosses } from "./step.ts";

/** The order of a row of losses. */
export const lossNames = [
  "klReal",
  "klFake",
  "klGenerated",
  "xRecon",
  "zRecon",
  "encoder",
  "generator",
] as const satisfies (keyof Losses)[];

/** [losses], float32, on their device. */
export const stackLosses = (losses: StepLosses): Tensor =>
  scope(() => stack(lossNames.map((name): Tensor => losses[name].to("float32"))));

/** The losses of a step as numbers: one transfer from the device. */
export function readLosses(losses: StepLosses): Losses {
  const values = scope(() => stackLosses(losses).toFloat32Array());
  return Object.fromEntries(lossNames.map((name, i) => [name, values[i]])) as unknown as Losses;
}

/** @throws DivergedError naming the step, the loss and the last good checkpoint */
export function checkFinite(losses: Losses, step: number, images: number, lastGood: string, run: string): void {
  const bad = lossNames.find((name) => !Number.isFinite(losses[name]));
  if (bad !== undefined) throw diverged(`${bad} is ${losses[bad]}`, step, images, lastGood, run);
}

/** Training cannot go on from numbers that are not finite. @param what is not finite */
export function diverged(what: string, step: number, images: number, lastGood: string, run: string): DivergedError {
  return new DivergedError(
    `training diverged: ${what} in step ${step} (${images} images). The last good checkpoint is ${lastGood}, nothing was overwritten: ` +
      `go on with \`pioneer train --run ${run} --resume --precision fp32\`, or start a new run with a lower --lr`,
  );
}

/** Means over the steps since the last tick. */
export class Meter {
  #sums: Record<keyof Losses, number> = emptySums();
  #steps = 0;
  #images = 0;
  #since = performance.now();

  add(losses: Losses, images: number): void {
    for (const name of lossNames) this.#sums[name] += losses[name];
    this.#steps++;
    this.#images += images;
  }

  get seconds(): number {
    return (performance.now() - this.#since) / 1000;
  }

  get steps(): number {
    return this.#steps;
  }

  /** The means, and a new beginning. @param pausedSeconds time that was not training */
  take(pausedSeconds: number): { losses: Losses; imagesPerSecond: number } {
    const losses = Object.fromEntries(
      lossNames.map((name) => [name, this.#sums[name] / this.#steps]),
    ) as unknown as Losses;
    const imagesPerSecond = this.#images / Math.max(1e-9, this.seconds - pausedSeconds);
    this.#sums = emptySums();
    this.#steps = 0;
    this.#images = 0;
    this.#since = performance.now();
    return { losses, imagesPerSecond };
  }
}

const emptySums = () => Object.fromEntries(lossNames.map((name) => [name, 0])) as Record<keyof Losses, number>;
