// The growth schedule as a pure function of the images shown (docs/algorithm.md, section 4).
import type { Growth } from "../networks/growth.ts";

/** One phase: from which image count on, and how many images its newest block fades in over. */
export interface SchedulePhase {
  readonly phase: number;
  readonly startImages: number;
  readonly fadeImages: number;
}

/** Learning rates of the two networks. */
export interface LearningRates {
  readonly encoder: number;
  readonly generator: number;
}

/** What holds from an image count on; what is left out is the run's. */
export interface ScheduleSettings {
  readonly startImages: number;
  readonly learningRates?: LearningRates | undefined;
  /** Bound of the encoder's KL terms; 0 for none. */
  readonly margin?: number | undefined;
}

export interface Schedule {
  /** In order; the first starts at 0. */
  readonly phases: readonly SchedulePhase[];
  /** Training ends here. */
  readonly totalImages: number;
  /** In order; where there are some, the first starts at 0. */
  readonly settings?: readonly ScheduleSettings[] | undefined;
  /** Alpha of every phase, whatever was shown. */
  readonly forcedAlpha?: number | undefined;
}

/** Where a run is in its schedule. */
export interface Position extends Growth {
  readonly startImages: number;
  /** Where the next phase begins, or the run ends. */
  readonly endImages: number;
}

/**
 * A phase every `imagesPerPhase`, faded in over its first half; the last one is trained twice as long.
 * @param firstPhase those below are left out
 */
export function growthSchedule(maxPhase: number, imagesPerPhase: number, firstPhase = 0): Schedule {
  const count = maxPhase - firstPhase + 1;
  const phases = Array.from({ length: count }, (_, i) => ({
    phase: firstPhase + i,
    startImages: i * imagesPerPhase,
    fadeImages: imagesPerPhase / 2,
  }));
  return { phases, totalImages: imagesPerPhase * (count + 1) };
}

/** The same schedule for networks that have grown already: its first phase is faded in from the start. */
export function beginGrown(schedule: Schedule): Schedule {
  const [first, ...later] = schedule.phases as [SchedulePhase, ...SchedulePhase[]];
  return { ...schedule, phases: [{ ...first, fadeImages: 0 }, ...later] };
}

/**
 * The same schedule up to a higher phase. What was planned stays; what a run that had begun with this resolution would have
 * after it follows, later by as much as this run is late: a finished one grows at once, with alpha from 0.
 * @param whole       the schedule of a new run up to the higher phase
 * @param shownImages images shown so far
 */
export function extendSchedule(before: Schedule, whole: Schedule, shownImages: number): Schedule {
  const last = before.phases.at(-1) as SchedulePhase;
  const next = whole.phases.find(({ phase }) => phase > last.phase);
  if (!next) return before;
  const lastPlanned = whole.phases.find(({ phase }) => phase === last.phase) ?? last;
  const late = Math.max(last.startImages - lastPlanned.startImages, shownImages - next.startImages);
  const added = <Entry extends { readonly startImages: number }>(entries: readonly Entry[] = []) =>
    entries
      .filter(({ startImages }) => startImages >= next.startImages)
      .map((entry) => ({ ...entry, startImages: entry.startImages + late }));
  const settings = [...(before.settings ?? []), ...added(whole.settings)];
  return {
    ...before,
    phases: [...before.phases, ...added(whole.phases)],
    totalImages: Math.max(before.totalImages, whole.totalImages + late),
    ...(settings.length > 0 && { settings }),
  };
}

/** How far a phase is faded in at an image count from its start on. */
export const alphaOf = ({ startImages, fadeImages }: SchedulePhase, images: number): number =>
  fadeImages > 0 ? Math.min(1, (images - startImages) / fadeImages) : 1;

/** @param images shown so far, from 0 */
export function positionAt({ phases, totalImages, forcedAlpha }: Schedule, images: number): Position {
  const index = lastBegun(phases, images);
  const entry = phases[index] as SchedulePhase;
  const { phase, startImages } = entry;
  return {
    phase,
    alpha: forcedAlpha ?? alphaOf(entry, images),
    startImages,
    endImages: phases[index + 1]?.startImages ?? totalImages,
  };
}

/** What a phase has grown to at an image count that may already lie in the next one. */
export function growthAfter({ phases, forcedAlpha }: Schedule, phase: number, images: number): Growth {
  const own = phases.find((entry) => entry.phase === phase);
  return { phase, alpha: Math.min(1, forcedAlpha ?? (own ? alphaOf(own, images) : 1)) };
}

/** What holds after so many images, where the schedule says something. */
export function settingsAt({ settings }: Schedule, images: number): ScheduleSettings | undefined {
  return settings?.[lastBegun(settings, images)];
}

/** Image counts at which a phase begins or settings change, in order, and the end. */
export function changesOf({ phases, settings = [], totalImages }: Schedule): number[] {
  const starts = [...phases, ...settings].map(({ startImages }) => startImages).filter((start) => start < totalImages);
  return [...new Set([...starts, totalImages])].sort((a, b) => a - b);
}

/** Where a new run that skips the first phases begins to count: at the beginning of this phase. */
export const startOfPhase = ({ phases }: Schedule, phase: number): number | undefined =>
  phases.find((entry) => entry.phase === phase)?.startImages;

/** Where a new run without progression begins to count: where the last phase is faded in. */
export function startFadedIn({ phases }: Schedule): number {
  const { startImages, fadeImages } = phases.at(-1) as SchedulePhase;
  return startImages + fadeImages;
}

/** Index of the last entry that has begun. */
function lastBegun(entries: readonly { readonly startImages: number }[], images: number): number {
  let index = 0;
  while (index + 1 < entries.length && (entries[index + 1] as { startImages: number }).startImages <= images) index++;
  return index;
}
