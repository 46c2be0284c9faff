import { flopsPerImage } from "./cost.ts";
import type { Session } from "./session.ts";

/**
 * Later phases cost more per image. Their times lie between that of now and that of the last phase, as their work does:
 * at small resolutions a step is mostly overhead, so time is not in proportion to work.
 */
export function secondsLeft(
  { learner, schedule, images, lastPhaseSeconds }: Session,
  phaseNow: number,
  secondsNow: number,
): number {
  const work = (phase: number) => flopsPerImage(learner.generator.size, phase, learner.recipe);
  const last = schedule.phases.at(-1)?.phase ?? phaseNow;
  return schedule.phases.reduce((sum, { phase, startImages }, i) => {
    const end = schedule.phases[i + 1]?.startImages ?? schedule.totalImages;
    const left = Math.max(0, Math.min(end, schedule.totalImages) - Math.max(startImages, images));
    const share = phase > phaseNow ? (work(phase) - work(phaseNow)) / (work(last) - work(phaseNow)) : 0;
    return sum + left * (secondsNow + share * (lastPhaseSeconds - secondsNow));
  }, 0);
}
