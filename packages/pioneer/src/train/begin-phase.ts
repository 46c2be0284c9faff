import { type Computing, useComputing } from "../compute/device.ts";
import type { Position } from "../config/schedule.ts";
import type { Learner } from "../learner/learner.ts";
import { resolutionOf } from "../networks/index.ts";
import type { Session } from "./session.ts";

/** What changes before the first step of a phase, or of a session in the middle of one; and tells that it begins. */
export function beginPhase(session: Session, { phase }: Position, batch: number): void {
  const { config, learner, recorder } = session;
  takeComputing(session, phase);
  preparePool(learner, phase);
  if (config.resetOptimiser && isNewPhase(learner, phase)) forgetMoments(learner);
  recorder.report({ kind: "phase", phase, resolution: resolutionOf(phase), batch });
}

/** From here on with what was chosen for the phase. */
function takeComputing(session: Session, phase: number): void {
  session.computing = session.computings.phases.get(phase) as Computing;
  useComputing(session.computing);
}

/** The pool belongs to one resolution; a resumed run keeps what its checkpoint held. */
function preparePool({ pool, recipe }: Learner, phase: number): void {
  const resolution = resolutionOf(phase);
  if (pool.images?.size(-1) !== resolution) pool.clear();
  pool.capacity = resolution >= 256 ? recipe.poolSize.from256 : recipe.poolSize.below256;
}

/** Whether the phase's newest layers have never been moved: a run that goes on in the middle of a phase has moved them. */
function isNewPhase({ encoder, optimisers }: Learner, phase: number): boolean {
  const moved = optimisers.encoder.state;
  return [...encoder.used({ phase, alpha: 1 }).keys()].some((name) => !moved.has(name));
}

/** Both optimisers as they were at the beginning of the run. */
function forgetMoments({ optimisers }: Learner): void {
  optimisers.encoder.dispose();
  optimisers.generator.dispose();
}
