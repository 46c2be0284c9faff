// What is measured before the first step of a run.
import type { Device } from "pioneer-torch";
import type { CheckpointState } from "../checkpoint/state.ts";
import type { Computing } from "../compute/device.ts";
import type { RunComputing } from "../compute/run-computing.ts";
import type { TrainConfig } from "../config/config.ts";
import { positionAt, type Schedule } from "../config/schedule.ts";
import { chooseRunComputing } from "./choose-computing.ts";
import { type Sharers, Trial, tryLastPhase } from "./trial.ts";

/** Where a run begins or goes on. */
export interface Beginning {
  readonly schedule: Schedule;
  readonly images: number;
  readonly before: CheckpointState | undefined;
}

export interface Measured {
  readonly computings: RunComputing;
  /** What an image of the last phase takes. */
  readonly lastPhaseSeconds: number;
}

/** Chooses what the phases that are left are computed with, and tries the last one. @param config with the batch of one process */
export async function measureFirst(
  config: TrainConfig,
  device: Device,
  { schedule, images, before }: Beginning,
  log: (text: string) => void,
  sharers?: Sharers,
): Promise<Measured> {
  const { phase: now } = positionAt(schedule, images);
  const phases = schedule.phases.map(({ phase }) => phase).filter((phase) => phase >= now);
  const trial = await Trial.open(config, device);
  try {
    const computings = await chooseRunComputing(config, trial, { phases, before, log });
    const last = computings.phases.get(phases.at(-1) as number) as Computing;
    return { computings, lastPhaseSeconds: await tryLastPhase(trial, config, schedule, last, log, sharers) };
  } finally {
    trial.dispose();
  }
}
