import { scope, stack, type Tensor } from "pioneer-torch";
import { DivergedError } from "../base/errors.ts";
import type { LearningRates } from "../config/schedule.ts";
import type { Precision } from "../networks/index.ts";
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

/** Where losses stopped being finite, and what the run was that could go on otherwise. */
export interface Divergence {
  readonly step: number;
  readonly images: number;
  readonly run: string;
  /** The last good checkpoint. */
  readonly lastGood: string;
  readonly precision: Precision;
  readonly learningRates: LearningRates;
}

/** @throws DivergedError naming the step, the loss, the last good checkpoint and the mend */
export function checkFinite(losses: Losses, where: Divergence): void {
  const bad = Object.keys(losses).find((name) => !Number.isFinite(losses[name]));
  if (bad !== undefined) throw diverged(`${bad} is ${losses[bad]}`, where);
}

/** Training cannot go on from numbers that are not finite. @param what is not finite */
export function diverged(
  what: string,
  { step, images, run, lastGood, precision, learningRates }: Divergence,
): DivergedError {
  const { encoder, generator } = learningRates;
  // The same again would end the same.
  const mend =
    precision === "fp32" ? `--lr ${Number((Math.min(encoder, generator) / 2).toPrecision(3))}` : "--precision fp32";
  return new DivergedError(
    `training diverged: ${what} in step ${step} (${images} images). The last good checkpoint is ${lastGood}, nothing was overwritten: ` +
      `go on with \`pioneer train --run ${run} --resume ${mend}\``,
  );
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
