// The schedule with what it will cost, measured on this machine before anything runs.
import { stat } from "node:fs/promises";
import { onDisk } from "../base/disk.ts";
import { chooseComputing, useComputing } from "../compute/device.ts";
import { batchAt } from "../config/batch.ts";
import type { TrainConfig } from "../config/config.ts";
import { changesOf, type LearningRates, positionAt, type Schedule } from "../config/schedule.ts";
import { isPack } from "../data/pack/pack.ts";
import { proceduralFaces } from "../data/sources/procedural.ts";
import { phaseOf, resolutionOf } from "../networks/index.ts";
import { dataOfRun } from "./data-of-run.ts";
import { firstImages, openRun, plannedSchedule } from "./opening.ts";
import { learningRatesAt, marginAt } from "./settings.ts";
import { type StepNeed, Trial } from "./trial.ts";

/** One row of the schedule: a phase, or a part of one with a learning rate and a margin of its own. */
export interface PlanPhase {
  readonly phase: number;
  readonly resolution: number;
  readonly batch: number;
  /** Images shown in it. */
  readonly images: number;
  /** Of these, while the newest block fades in. */
  readonly fadeImages: number;
  readonly learningRates: LearningRates;
  readonly margin: number;
  readonly hours: number;
  /** Expected peak memory of the training process or device. */
  readonly memoryMiB: number;
}

export interface TrainPlan {
  readonly phases: readonly PlanPhase[];
  readonly totalImages: number;
  readonly hours: number;
  readonly device: string;
  readonly precision: string;
  readonly why: string;
}

/** @throws as training would, before its first step */
export async function planTraining(config: TrainConfig): Promise<TrainPlan> {
  const { schedule, shownImages } = await scheduleOf(config);
  const computing = chooseComputing(config);
  useComputing(computing);
  const { totalImages } = schedule;
  const trial = new Trial(config, computing);
  try {
    const needs = new Map<number, StepNeed>();
    const need = (phase: number, batch: number) => {
      const known = needs.get(phase) ?? trial.need(phase, batch);
      needs.set(phase, known);
      return known;
    };
    const changes = changesOf(schedule);
    const phases = changes.slice(0, -1).flatMap((change, i): PlanPhase[] => {
      const [start, end] = [Math.max(change, shownImages), changes[i + 1] as number];
      if (end <= start) return [];
      const { phase } = positionAt(schedule, start);
      const resolution = resolutionOf(phase);
      const batch = batchAt(config.batch, resolution);
      const { seconds, peakMiB } = need(phase, batch);
      return [
        {
          phase,
          resolution,
          batch,
          images: end - start,
          fadeImages: fadingBetween(schedule, start, end),
          learningRates: learningRatesAt(config, schedule, start),
          margin: marginAt(config, schedule, start),
          hours: (((end - start) / batch) * seconds) / 3600,
          memoryMiB: peakMiB,
        },
      ];
    });
    const { device, precision, why } = computing;
    return { phases, totalImages, hours: phases.reduce((sum, { hours }) => sum + hours, 0), device, precision, why };
  } finally {
    trial.dispose();
  }
}

/** How many of these images of one phase are shown while its newest block fades in. */
function fadingBetween(schedule: Schedule, start: number, end: number): number {
  if (schedule.forcedAlpha !== undefined) return schedule.forcedAlpha < 1 ? end - start : 0;
  const { phase } = positionAt(schedule, start);
  const own = schedule.phases.find((entry) => entry.phase === phase);
  const fadedIn = own ? own.startImages + own.fadeImages : start;
  return Math.max(0, Math.min(end, fadedIn) - start);
}

/** What training would follow. Where --resolution says all that a plan needs, a source is not packed for it. */
async function scheduleOf(config: TrainConfig): Promise<{ schedule: Schedule; shownImages: number }> {
  const { data, resolution, resume } = config;
  const maxPhase = resolution === undefined ? undefined : phaseOf(resolution);
  if (maxPhase !== undefined && !resume && !data.endsWith(".pack") && !(await isPack(data))) {
    if (data !== proceduralFaces) await onDisk(data, () => stat(data));
    const schedule = plannedSchedule(config, maxPhase, undefined);
    return { schedule, shownImages: firstImages(config, schedule) };
  }
  const { schedule, images } = openRun(config, (await dataOfRun(config)).pack);
  return { schedule, shownImages: images };
}
