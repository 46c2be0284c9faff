// The growth schedule as a pure function of the images shown (ALGORITHM section 4).
import type { Growth } from "./networks/growth.ts";

/** One phase: from which image count on, and how many images its newest block fades in over. */
export interface SchedulePhase {
  readonly phase: number;
  readonly startImages: number;
  readonly fadeImages: number;
}

export interface Schedule {
  /** In order; the first starts at 0. */
  readonly phases: readonly SchedulePhase[];
  /** Training ends here. */
  readonly totalImages: number;
}

/** Where a run is in its schedule. */
export interface Position extends Growth {
  readonly startImages: number;
  /** Where the next phase begins, or the run ends. */
  readonly endImages: number;
}

/** A phase every `imagesPerPhase`, faded in over its first half; the last one is trained twice as long. */
export function growthSchedule(maxPhase: number, imagesPerPhase: number): Schedule {
  const phases = Array.from({ length: maxPhase + 1 }, (_, phase) => ({
    phase,
    startImages: phase * imagesPerPhase,
    fadeImages: imagesPerPhase / 2,
  }));
  return { phases, totalImages: imagesPerPhase * (maxPhase + 2) };
}

/**
 * The same schedule up to a higher phase. What has begun stays; the next phase begins when the present one has had its
 * length, at the earliest now: a finished run grows at once, with alpha from 0.
 * @param shownImages images shown so far
 */
export function extendSchedule(
  before: Schedule,
  maxPhase: number,
  imagesPerPhase: number,
  shownImages: number,
): Schedule {
  const phases = before.phases.filter(({ startImages }) => startImages <= shownImages);
  for (let last = phases.at(-1); last && last.phase < maxPhase; last = phases.at(-1)) {
    const startImages = Math.max(last.startImages + imagesPerPhase, shownImages);
    phases.push({ phase: last.phase + 1, startImages, fadeImages: imagesPerPhase / 2 });
  }
  const lastStart = phases.at(-1)?.startImages ?? 0;
  return { phases, totalImages: Math.max(before.totalImages, lastStart + 2 * imagesPerPhase) };
}

/** @param images shown so far, from 0 */
export function positionAt({ phases, totalImages }: Schedule, images: number): Position {
  let index = 0;
  while (index + 1 < phases.length && (phases[index + 1] as SchedulePhase).startImages <= images) index++;
  const { phase, startImages, fadeImages } = phases[index] as SchedulePhase;
  const alpha = fadeImages > 0 ? Math.min(1, (images - startImages) / fadeImages) : 1;
  return { phase, alpha, startImages, endImages: phases[index + 1]?.startImages ?? totalImages };
}
