// The schedule of --minutes: phases end by their share of the time, so that a slow or a busy machine ends smaller rather
// than unfinished. It is planned again at every status line; what has begun stays.
import { alphaOf, type Schedule, type SchedulePhase } from "./schedule.ts";

/** Where a run is, and how fast. */
export interface Pace {
  readonly images: number;
  /** Of training, in all sessions. */
  readonly seconds: number;
  /** Images a second, of the present phase as it is now, of later ones as expected. */
  readonly rate: (phase: number) => number;
}

/**
 * With fewer images a new block adds noise, no detail: such a phase is not begun. Larger pictures need more: 9,000 of 64x64 left
 * blurs (docs/training-log.md).
 */
export const leastImages = (phase: number): number => (phase <= 2 ? 3000 : phase === 3 ? 10_000 : 30_000);

/** As it stands before anything is known. @param grown a phase that is faded in from the start; without it 4x4 */
const firstPhase = (grown: number | undefined): SchedulePhase => ({
  phase: grown ?? 0,
  startImages: 0,
  fadeImages: grown === undefined ? 1 : 0,
});

/** Share of the time at which the phase of this index ends: each lasts longer than the one before, the last twice that. */
export function endShare(index: number, count: number): number {
  const sum = (n: number) => (n * (n + 1)) / 2;
  return index >= count - 1 ? 1 : sum(index + 1) / (sum(count) + count);
}

/**
 * The schedule from here on. The present phase is faded in as far as its time is used up.
 * @param before        what was planned last: phases that have begun stay
 * @param now           the present phase, which may end here
 * @param maxPhase      the last one, where there is time for it
 * @param budgetSeconds for all of them
 */
export function clockSchedule(
  before: Schedule,
  now: number,
  maxPhase: number,
  budgetSeconds: number,
  pace: Pace,
): Schedule {
  const { phase: first } = before.phases[0] as SchedulePhase;
  const count = reachable(before, now, maxPhase, budgetSeconds, pace);
  const endOf = (phase: number) => (phase < first ? 0 : budgetSeconds * endShare(phase - first, count));
  const phases = before.phases.slice(0, now - first);
  const present = before.phases[now - first] as SchedulePhase;
  const halfTime = (endOf(now - 1) + endOf(now)) / 2;
  phases.push(isFadedIn(present, pace.images) ? present : fading(present, endOf(now - 1), halfTime, pace));
  const left = Math.max(0, endOf(now) - pace.seconds);
  let end = Math.max(present.startImages + 1, pace.images + Math.round(left * pace.rate(now)));
  for (let phase = now + 1; phase < first + count; phase++) {
    const length = Math.max(1, Math.round((endOf(phase) - endOf(phase - 1)) * pace.rate(phase)));
    phases.push({ phase, startImages: end, fadeImages: length / 2 });
    end += length;
  }
  return { phases, totalImages: end };
}

/** Alpha is the share of the time that has passed; before there is any, by what is expected. */
function fading(present: SchedulePhase, began: number, faded: number, { images, seconds, rate }: Pace): SchedulePhase {
  const shown = images - present.startImages;
  const share = Math.min(1, (seconds - began) / (faded - began));
  const expected = shown + Math.max(0, faded - seconds) * rate(present.phase);
  return { ...present, fadeImages: Math.max(1, shown > 0 && share > 0 ? shown / share : expected) };
}

const isFadedIn = (entry: SchedulePhase, images: number): boolean =>
  images > entry.startImages && alphaOf(entry, images) === 1;

/**
 * How many phases from the first there is time for, so that each block that is faded in sees enough images, that of the present
 * phase too; the first phase has none.
 */
function reachable(before: Schedule, now: number, maxPhase: number, budget: number, pace: Pace): number {
  const { phase: first } = before.phases[0] as SchedulePhase;
  const { startImages } = before.phases[now - first] as SchedulePhase;
  const shown = (phase: number) => (phase === now ? pace.images - startImages : 0);
  const begun = now - first + 1;
  for (let count = maxPhase - first + 1; count > begun; count--) {
    const fadedIn = Array.from({ length: count - 1 }, (_, i) => first + 1 + i).filter((phase) => phase >= now);
    const fits = fadedIn.every((phase) => {
      const from = Math.max(pace.seconds, budget * endShare(phase - first - 1, count));
      const left = Math.max(0, budget * endShare(phase - first, count) - from);
      return shown(phase) + left * pace.rate(phase) >= leastImages(phase);
    });
    if (fits) return count;
  }
  return begun;
}

/**
 * Before a step has been timed: a run that goes on as it was planned last, and all phases up to the largest, whose
 * lengths are guesses until the first status line.
 * @param before where a run that goes on stands
 * @param grown  the phase that a new run with the networks of another model begins in
 */
export function firstClockSchedule(
  minutes: number,
  maxPhase: number,
  before?: { readonly schedule: Schedule; readonly images: number; readonly elapsedSeconds: number },
  grown?: number,
): Schedule {
  const phases = [...(before?.schedule.phases ?? [firstPhase(grown)])];
  const images = before?.images ?? 0;
  if (before && before.elapsedSeconds >= minutes * 60) return { phases, totalImages: images };
  let end = Math.max(before?.schedule.totalImages ?? 0, images + leastImages(0));
  for (let phase = (phases.at(-1) as SchedulePhase).phase + 1; phase <= maxPhase; phase++) {
    phases.push({ phase, startImages: end, fadeImages: leastImages(phase) / 2 });
    end += leastImages(phase);
  }
  return { phases, totalImages: end };
}
