// Training that has gone where numbers are no longer finite: which step it was, and how to go on.

import { scope } from "pioneer-torch";
import { resumeCommand } from "../base/command-line.ts";
import { DivergedError } from "../base/errors.ts";
import { type LearningRates, positionAt } from "../config/schedule.ts";
import type { Precision } from "../networks/index.ts";
import type { Losses } from "./events.ts";
import type { Session } from "./session.ts";
import { learningRatesAt } from "./settings.ts";

/** Where losses stopped being finite, and what the run was that could go on otherwise. */
export interface Divergence {
  readonly step: number;
  readonly images: number;
  readonly run: string;
  /** The last good checkpoint. */
  readonly lastGood: string;
  readonly precision: Precision;
  readonly learningRates: LearningRates;
  /** What is wrong with the images of the step's batch; asked for only where a loss is not finite. */
  readonly fault?: (() => string | undefined) | undefined;
}

/** @throws DivergedError naming the step, the loss, the last good checkpoint and the mend */
export function checkFinite(losses: Losses, where: Divergence): void {
  const bad = Object.keys(losses).find((name) => !Number.isFinite(losses[name]));
  if (bad !== undefined) throw diverged(`${bad} is ${losses[bad]}`, where);
}

/** Training cannot go on from numbers that are not finite. @param what is not finite */
export function diverged(
  what: string,
  { step, images, run, lastGood, precision, learningRates, fault }: Divergence,
): DivergedError {
  const because = fault?.();
  if (because !== undefined) {
    return new DivergedError(`training stopped: ${what} in step ${step} (${images} images), because ${because}`);
  }
  const { encoder, generator } = learningRates;
  // The same again would end the same.
  const mend =
    precision === "fp32" ? `--lr ${Number((Math.min(encoder, generator) / 2).toPrecision(3))}` : "--precision fp32";
  return new DivergedError(
    `training diverged: ${what} in step ${step} (${images} images). The last good checkpoint is ${lastGood}, nothing was overwritten: ` +
      `go on with \`${resumeCommand(run)} ${mend}\``,
  );
}

/** @param batch images of the step; unknown where it is not the step's losses that are looked at */
export const divergence = (session: Session, step: number, images: number, batch?: number): Divergence => ({
  step,
  images,
  run: session.config.run,
  lastGood: session.lastCheckpoint,
  precision: session.computing.precision,
  learningRates: learningRatesAt(session.config, session.learner.recipe, session.schedule, images),
  fault: batch === undefined ? undefined : () => equalImages(session, images - batch, batch),
});

/**
 * The spread of the codes of a batch is what the KL terms are made of, and equal images have none.
 * @param drawn images that were shown before the batch
 */
export function equalImages(
  { batches, pack, schedule }: Pick<Session, "batches" | "pack" | "schedule">,
  drawn: number,
  batch: number,
): string | undefined {
  const areEqual = scope(() => {
    const x = batches.at(drawn, batch, positionAt(schedule, drawn));
    return (
      x
        .sub(x.narrow(0, 0, 1))
        .abs()
        .max()
        .item() === 0
    );
  });
  if (!areEqual) return undefined;
  const names = [...new Set(batches.chosen(drawn, batch).indices)].map((index) => pack.names.at(index));
  const which =
    names.length === 1
      ? `all of one photo (${names[0]})`
      : `all equal (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", ..." : ""})`;
  return `the ${batch} images of its batch are ${which}, and equal images have codes without any spread: take copies out of the photos, add other ones, or give a larger --batch; then start a new run`;
}
