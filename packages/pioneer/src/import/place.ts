// Where an imported run stands in a schedule of ours.
import { ConfigError } from "../base/errors.ts";
import { growthSchedule, positionAt, type Schedule } from "../config/schedule.ts";
import { type ScheduleFile, scheduleFromFile } from "../config/schedule-file.ts";

/** Place of a run as its file says it. */
export interface Place {
  readonly images: number;
  readonly phase: number;
  readonly alpha: number;
}

/** Images of a phase in thousands: of the authors' data sets, and of their CelebA-HQ. */
const usualKimg = [2400, 4800] as const;

/** The authors set alpha before a step and count its images after it: it lags by one batch, 1024 images at most. */
const lagImages = 1024;

/**
 * The schedule that an imported run goes on with, and the length of its phases. Where the count of images fits a regular
 * schedule, it is that one; else (the authors' --step_offset, or phases of another length) the phases before are taken as
 * past, and the run is at the place of its phase that alpha says.
 * @param given length of a phase where the user said it
 */
export function scheduleOfImport(
  place: Place,
  maxPhase: number,
  given: { readonly kimgPerPhase?: number | undefined; readonly schedule?: ScheduleFile | undefined },
): { schedule: Schedule; kimgPerPhase: number; isRegular: boolean } {
  const lengths = given.kimgPerPhase === undefined ? usualKimg : [given.kimgPerPhase];
  for (const kimgPerPhase of lengths) {
    const images = Math.round(kimgPerPhase * 1000);
    const schedule = given.schedule
      ? scheduleFromFile(given.schedule, maxPhase, images)
      : growthSchedule(maxPhase, images);
    if (fits(schedule, place)) return { schedule, kimgPerPhase, isRegular: true };
  }
  if (given.schedule) {
    throw new ConfigError(
      `the preset's schedule does not have phase ${place.phase} with alpha ${place.alpha} after ${place.images} images: leave --preset out, or give --kimg-per-phase`,
    );
  }
  const kimgPerPhase = lengths[0] as number;
  return { schedule: shifted(place, maxPhase, Math.round(kimgPerPhase * 1000)), kimgPerPhase, isRegular: false };
}

function fits(schedule: Schedule, { images, phase, alpha }: Place): boolean {
  const at = positionAt(schedule, images);
  const fade = schedule.phases.find((entry) => entry.phase === phase)?.fadeImages ?? 0;
  return at.phase === phase && Math.abs(at.alpha - alpha) * fade <= lagImages;
}

function shifted({ images, phase, alpha }: Place, maxPhase: number, length: number): Schedule {
  const fade = length / 2;
  // Faded in, nothing says when; as if just now.
  const start = Math.max(0, Math.round(images - alpha * fade));
  const now = { phase, startImages: start, fadeImages: alpha > 0 ? (images - start) / alpha : fade };
  const before = Array.from({ length: phase }, (_, p) => ({
    phase: p,
    startImages: Math.floor((start * p) / phase),
    fadeImages: start / phase / 2,
  }));
  const after = Array.from({ length: maxPhase - phase }, (_, i) => ({
    phase: phase + 1 + i,
    startImages: start + (i + 1) * length,
    fadeImages: fade,
  }));
  const phases = [...before, now, ...after];
  return { phases, totalImages: (phases.at(-1)?.startImages ?? 0) + 2 * length };
}
