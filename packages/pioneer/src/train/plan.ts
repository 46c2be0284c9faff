// The schedule with what it will cost, measured on this machine before anything runs.
import { setThreads } from "pioneer-torch";
import { batchAt, type TrainConfig } from "../config.ts";
import { ensurePack } from "../data/ensure.ts";
import { ConfigError } from "../errors.ts";
import { phaseOf, resolutionOf } from "../networks/index.ts";
import { growthSchedule } from "../schedule.ts";
import { chooseComputing } from "./device.ts";
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
  const resolution = config.resolution ?? (await ensurePack(config.data, { seed: config.seed })).pack.resolution;
  const maxPhase = phaseOf(resolution);
  if (maxPhase === undefined) throw new ConfigError(`--resolution must be a power of two from 4 to 1024, got ${resolution}`);
  const computing = chooseComputing(config);
  setThreads(computing.threads);
  const schedule = growthSchedule(maxPhase, config.kimgPerPhase * 1000);
  const totalImages = (config.totalKimg ?? schedule.totalImages / 1000) * 1000;
  const trial = new Trial(config, computing);
  try {
    const phases = schedule.phases.flatMap(({ phase, startImages, fadeImages }, i): PlanPhase[] => {
      const end = Math.min(totalImages, schedule.phases[i + 1]?.startImages ?? totalImages);
      const images = end - startImages;
      if (images <= 0) return [];
      const batch = batchAt(config.batch, resolutionOf(phase));
      const { seconds, peakMiB } = trial.need(phase, batch);
      const hours = ((images / batch) * seconds) / 3600;
      return [{ phase, resolution: resolutionOf(phase), batch, images, fadeImages: Math.min(fadeImages, images), hours, memoryMiB: peakMiB }];
    });
    const { device, precision, why } = computing;
    return { phases, totalImages, hours: phases.reduce((sum, { hours }) => sum + hours, 0), device, precision, why };
  } finally {
    trial.dispose();
  }
}
