// The schedule of --minutes: phases end by their share of the time, so that a slow or a busy machine ends smaller rather
// than unfinished. It is planned again at every status line; what has begun stays.
import type { Schedule, SchedulePhase } from "./schedule.ts";

/** Where a run is, and how fast. */
export interface Pace {
  readonly images: number;
  /** Of training, in all sessions. */
  readonly seconds: number;
  /** Images a second, of the present phase as it is now, of later ones as expected. */
  readonly rate: (phase: number) => number;
}

/** With fewer images a new block adds noise, no detail: such a phase is not begun. */
export const leastImages = 3000;

/** Share of the time at which the phase of this index ends: each lasts longer than the one before, the last twice that. */
export function endShare(index: number, count: number): number {
  const sum = (n: number) => (n * (n + 1)) / 2;
  return index >= count - 1 ? 1 : sum(index + 1) / (sum(count) + count);
}

/**
 * The schedule from here on.
 * @param phases        those that have begun, as they did; none for a new run
 * @param maxPhase      the last one, where there is time for it
 * @param budgetSeconds for all of them
 */
export function clockSchedule(
  phases: readonly SchedulePhase[],
  maxPhase: number,
  budgetSeconds: number,
  pace: Pace,
): Schedule {
  const begun = phases.length > 0 ? phases : [{ phase: 0, startImages: 0, fadeImages: 1 }];
  const now = begun.length - 1;
  const count = reachable(now, maxPhase, budgetSeconds, pace);
  const endOf = (index: number) => budgetSeconds * endShare(index, count);
  const planned: SchedulePhase[] = begun.slice(0, now);
  let { startImages } = begun[now] as SchedulePhase;
  for (let phase = now; phase < count; phase++) {
    const isNow = phase === now;
    const [began, ends] = [phase === 0 ? 0 : endOf(phase - 1), endOf(phase)];
    const images = isNow ? pace.images : startImages;
    const seconds = isNow ? pace.seconds : began;
    const at = (time: number) => Math.round(images + Math.max(0, time - seconds) * pace.rate(phase));
    const fadeImages = Math.max(1, at((began + ends) / 2) - startImages);
    planned.push(
      isNow && isFadedIn(begun[now], pace.images) ? (begun[now] as SchedulePhase) : { phase, startImages, fadeImages },
    );
    // The step after the last planned one notices that its phase has ended.
    startImages = Math.max(at(ends), images + 1);
  }
  return { phases: planned, totalImages: startImages };
}

const isFadedIn = (entry: SchedulePhase | undefined, images: number): boolean =>
  entry !== undefined && images > entry.startImages && images >= entry.startImages + entry.fadeImages;

/** How many phases there is time for, so that each that has not begun sees enough images. */
function reachable(now: number, maxPhase: number, budget: number, { seconds, rate }: Pace): number {
  for (let count = maxPhase + 1; count > now + 1; count--) {
    const later = Array.from({ length: count - 1 - now }, (_, i) => now + 1 + i);
    const fits = later.every((phase) => {
      const from = Math.max(seconds, budget * endShare(phase - 1, count));
      return (budget * endShare(phase, count) - from) * rate(phase) >= leastImages;
    });
    if (fits) return count;
  }
  return now + 1;
}

/**
 * Before a step has been timed: a run that goes on as it was planned last, and all phases up to the largest, whose
 * lengths are guesses until the first status line.
 * @param before where a run that goes on stands
 */
export function firstClockSchedule(
  minutes: number,
  maxPhase: number,
  before?: { readonly schedule: Schedule; readonly images: number; readonly elapsedSeconds: number },
): Schedule {
  const phases = [...(before?.schedule.phases ?? [{ phase: 0, startImages: 0, fadeImages: 1 }])];
  const images = before?.images ?? 0;
  if (before && before.elapsedSeconds >= minutes * 60) return { phases, totalImages: images };
  let end = Math.max(before?.schedule.totalImages ?? 0, images + leastImages);
  for (let phase = phases.length; phase <= maxPhase; phase++) {
    phases.push({ phase, startImages: end, fadeImages: leastImages / 2 });
    end += leastImages;
  }
  return { phases, totalImages: end };
}

/** Phases that have begun, the next one included where its first image comes next. */
export const begunPhases = ({ phases }: Schedule, images: number): SchedulePhase[] =>
  phases.filter(({ startImages }, i) => i === 0 || startImages <= images);
