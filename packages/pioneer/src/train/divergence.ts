// Training that has gone where numbers are no longer finite: which step it was, and how to go on.
import { resumeCommand } from "../base/command-line.ts";
import { DivergedError } from "../base/errors.ts";
import type { LearningRates } from "../config/schedule.ts";
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
      `go on with \`${resumeCommand(run)} ${mend}\``,
  );
}

export const divergence = (session: Session, step: number, images: number): Divergence => ({
  step,
  images,
  run: session.config.run,
  lastGood: session.lastCheckpoint,
  precision: session.computing.precision,
  learningRates: learningRatesAt(session.config, session.learner.recipe, session.schedule, images),
});
