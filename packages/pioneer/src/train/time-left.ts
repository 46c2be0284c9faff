import { flopsPerImage } from "./cost.ts";
import type { Session } from "./session.ts";

/** Seconds to the end of the schedule, where an image takes `secondsNow` in the present phase. */
export function secondsLeft(session: Session, phaseNow: number, secondsNow: number): number {
  const { schedule, images } = session;
  const secondsOf = imageSeconds(session, phaseNow, secondsNow);
  return schedule.phases.reduce((sum, { phase, startImages }, i) => {
    const end = schedule.phases[i + 1]?.startImages ?? schedule.totalImages;
    const left = Math.max(0, Math.min(end, schedule.totalImages) - Math.max(startImages, images));
    return sum + left * secondsOf(phase);
  }, 0);
}

/**
 * What an image takes in a phase. Later phases cost more; their times lie between that of now and that of the last phase,
 * as their work does: at small resolutions a step is mostly overhead, so time is not in proportion to work.
 */
export function imageSeconds(
  { learner, lastPhase, lastPhaseSeconds }: Session,
  phaseNow: number,
  secondsNow: number,
): (phase: number) => number {
  const work = (phase: number) => flopsPerImage(learner.generator.size, phase, learner.recipe);
  return (phase) => {
    const share = phase > phaseNow ? (work(phase) - work(phaseNow)) / (work(lastPhase) - work(phaseNow)) : 0;
    return secondsNow + share * (lastPhaseSeconds - secondsNow);
  };
}
