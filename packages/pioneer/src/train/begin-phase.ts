import { type Computing, useComputing } from "../compute/device.ts";
import type { Position } from "../config/schedule.ts";
import type { Learner } from "../learner/learner.ts";
import { resolutionOf } from "../networks/index.ts";
import type { Session } from "./session.ts";

/** From here on with what was chosen for the phase. */
export function takeComputing(session: Session, { phase }: Position): void {
  session.computing = session.computings.phases.get(phase) as Computing;
  useComputing(session.computing);
}

/** The pool belongs to one resolution; a resumed run keeps what its checkpoint held. */
export function preparePool({ pool, recipe }: Learner, { phase }: Position): void {
  const resolution = resolutionOf(phase);
  if (pool.images?.size(-1) !== resolution) pool.clear();
  pool.capacity = resolution >= 256 ? recipe.poolSize.from256 : recipe.poolSize.below256;
}

/** Whether the phase's newest layers have never been moved: a run that goes on in the middle of a phase has moved them. */
export function isNewPhase({ encoder, optimisers }: Learner, { phase }: Position): boolean {
  const moved = optimisers.encoder.state;
  return [...encoder.used({ phase, alpha: 1 }).keys()].some((name) => !moved.has(name));
}

/** Both optimisers as they were at the beginning of the run. */
export function forgetMoments({ optimisers }: Learner): void {
  optimisers.encoder.dispose();
  optimisers.generator.dispose();
}
