// The schedule with what it will cost, measured on this machine before anything runs.
import { stat } from "node:fs/promises";
import { setThreads } from "pioneer-torch";
import { batchAt, type TrainConfig } from "../config.ts";
import { onDisk } from "../data/disk.ts";
import { ensurePack } from "../data/ensure.ts";
import { isPack } from "../data/pack.ts";
import { proceduralFaces } from "../data/sources/procedural.ts";
import { phaseOf, resolutionOf } from "../networks/index.ts";
import type { Schedule } from "../schedule.ts";
import { chooseComputing } from "./device.ts";
import { openRun, plannedSchedule } from "./opening.ts";
import { packingOptions } from "./run.ts";
import { Trial } from "./trial.ts";

/** One row of the schedule. */
export interface PlanPhase {
  readonly phase: number;
  readonly resolution: number;
  readonly batch: number;
  /** Images shown in this phase. */
  readonly images: number;
  /** Of these, while the newest block fades in. */
  readonly fadeImages: number;
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
  setThreads(computing.threads);
  const { totalImages } = schedule;
  const trial = new Trial(config, computing);
  try {
    const phases = schedule.phases.flatMap(({ phase, startImages, fadeImages }, i): PlanPhase[] => {
      const end = Math.min(totalImages, schedule.phases[i + 1]?.startImages ?? totalImages);
      const images = end - Math.max(startImages, shownImages);
      if (images <= 0) return [];
      const batch = batchAt(config.batch, resolutionOf(phase));
      const { seconds, peakMiB } = trial.need(phase, batch);
      const hours = ((images / batch) * seconds) / 3600;
      return [
        {
          phase,
          resolution: resolutionOf(phase),
          batch,
          images,
          fadeImages: Math.min(fadeImages, images),
          hours,
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

/** What training would follow. Where --resolution says all that a plan needs, a source is not packed for it. */
async function scheduleOf(config: TrainConfig): Promise<{ schedule: Schedule; shownImages: number }> {
  const { data, resolution, resume } = config;
  const maxPhase = resolution === undefined ? undefined : phaseOf(resolution);
  if (maxPhase !== undefined && !resume && !data.endsWith(".pack") && !(await isPack(data))) {
    if (data !== proceduralFaces) await onDisk(data, () => stat(data));
    return { schedule: plannedSchedule(config, maxPhase, undefined), shownImages: 0 };
  }
  const { schedule, resumed } = openRun(config, (await ensurePack(data, packingOptions(config))).pack);
  return { schedule, shownImages: resumed?.state.images ?? 0 };
}
