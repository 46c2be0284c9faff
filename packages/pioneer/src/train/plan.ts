// The schedule with what it will cost, measured on this machine before anything runs.
import { stat } from "node:fs/promises";
import { cacheMemory, capabilities } from "pioneer-torch";
import { onDisk } from "../base/disk.ts";
import { PatientLog } from "../base/patience.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { type Computing, chooseDevice } from "../compute/device.ts";
import { batchAt } from "../config/batch.ts";
import type { TrainConfig } from "../config/config.ts";
import { isDrawn } from "../config/procedural.ts";
import { recipeOf } from "../config/recipe.ts";
import { changesOf, type LearningRates, positionAt, type Schedule } from "../config/schedule.ts";
import { isPack } from "../data/pack/pack.ts";
import { proceduralSource } from "../data/sources/procedural.ts";
import { phaseOf, resolutionOf } from "../networks/index.ts";
import { objectiveOf } from "../objectives/index.ts";
import { chooseRunComputing } from "./choose-computing.ts";
import { fromSizeOn } from "./computing-lines.ts";
import { dataOfRun } from "./data-of-run.ts";
import type { StepNeed } from "./estimate.ts";
import { fewImages } from "./few-images.ts";
import { firstImages, openRun, plannedSchedule } from "./opening.ts";
import { learningRatesAt, marginAt } from "./settings.ts";
import { readSource } from "./source.ts";
import { Trial } from "./trial.ts";

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
  /** Where phases differ, from where on: "fp32, bf16 from 32x32". */
  readonly precision: string;
  readonly threads: string;
  readonly why: string;
}

/**
 * Measures what each phase needs, some seconds each.
 * @param log told what was found on the way, in lines
 * @throws as training would, before its first step
 */
export async function planTraining(config: TrainConfig, log: (text: string) => void = () => {}): Promise<TrainPlan> {
  const { schedule, shownImages, before, count } = await scheduleOf(config);
  const few = count === undefined ? undefined : fewImages(count, config);
  if (few) log(few);
  const { device } = chooseDevice(config, capabilities());
  cacheMemory(); // as the training process does
  const trial = await Trial.open(config, device);
  try {
    const rows = rowsOf(schedule, shownImages);
    const numbers = [...new Set(rows.map(({ phase }) => phase))];
    const computing = await chooseRunComputing(config, trial, { phases: numbers, before, log });
    // A run that goes on keeps the phases it has been through, too.
    const chosen = numbers.map((phase) => [phase, computing.phases.get(phase) as Computing] as const);
    const patient = new PatientLog(log);
    const needs = new Map<number, StepNeed>();
    for (const [phase, ofPhase] of chosen) {
      needs.set(phase, await trial.need(phase, batchAt(config.batch, resolutionOf(phase)), ofPhase, patient));
    }
    const phases = rows.map((row) => planPhase(config, schedule, row, needs.get(row.phase) as StepNeed));
    return {
      phases,
      totalImages: schedule.totalImages,
      hours: phases.reduce((sum, { hours }) => sum + hours, 0),
      device,
      precision: fromSizeOn(chosen, ({ precision }) => precision),
      threads: fromSizeOn(chosen, ({ threads }) => threads),
      why: chosen.at(-1)?.[1].why ?? "",
    };
  } finally {
    trial.dispose();
  }
}

/** A stretch of the schedule in which nothing changes but alpha. */
interface Row {
  readonly phase: number;
  readonly start: number;
  readonly end: number;
}

function rowsOf(schedule: Schedule, shownImages: number): Row[] {
  const changes = changesOf(schedule);
  return changes.slice(0, -1).flatMap((change, i) => {
    const [start, end] = [Math.max(change, shownImages), changes[i + 1] as number];
    return end > start ? [{ phase: positionAt(schedule, start).phase, start, end }] : [];
  });
}

function planPhase(config: TrainConfig, schedule: Schedule, { phase, start, end }: Row, need: StepNeed): PlanPhase {
  const resolution = resolutionOf(phase);
  const batch = batchAt(config.batch, resolution);
  const recipe = recipeOf(config);
  return {
    phase,
    resolution,
    batch,
    images: end - start,
    fadeImages: fadingBetween(schedule, start, end),
    learningRates: learningRatesAt(config, recipe, schedule, start),
    margin: marginAt(config, schedule, start, objectiveOf(recipe)),
    hours: (((end - start) / batch) * need.seconds) / 3600,
    memoryMiB: need.peakMiB,
  };
}

/** How many of these images of one phase are shown while its newest block fades in. */
function fadingBetween(schedule: Schedule, start: number, end: number): number {
  if (schedule.forcedAlpha !== undefined) return schedule.forcedAlpha < 1 ? end - start : 0;
  const { phase } = positionAt(schedule, start);
  const own = schedule.phases.find((entry) => entry.phase === phase);
  const fadedIn = own ? own.startImages + own.fadeImages : start;
  return Math.max(0, Math.min(end, fadedIn) - start);
}

interface Planned {
  readonly schedule: Schedule;
  readonly shownImages: number;
  readonly before?: CheckpointState | undefined;
  /** Of the training images; unknown where they are not packed yet. */
  readonly count?: number | undefined;
}

/** What training would follow. Where --resolution says all that a plan needs, a source is not packed for it. */
async function scheduleOf(config: TrainConfig): Promise<Planned> {
  const { data, resolution, resume } = config;
  const maxPhase = resolution === undefined ? undefined : phaseOf(resolution);
  if (maxPhase !== undefined && !resume && !data.endsWith(".pack") && !(await isPack(data))) {
    if (isDrawn(data)) proceduralSource(data);
    else await onDisk(data, () => stat(data));
    const source = config.from === undefined ? undefined : await readSource(config.from);
    const schedule = plannedSchedule(config, maxPhase, undefined, source);
    return { schedule, shownImages: firstImages(config, schedule) };
  }
  const { pack } = await dataOfRun(config);
  const { schedule, images, resumed } = await openRun(config, pack);
  return { schedule, shownImages: images, before: resumed?.state, count: pack.splits.train?.length };
}
