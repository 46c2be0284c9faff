import type { Ranks } from "pioneer-torch";
import type { StopReason } from "../base/errors.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import type { Computing } from "../compute/device.ts";
import type { RunComputing } from "../compute/run-computing.ts";
import type { TrainConfig } from "../config/config.ts";
import type { Schedule } from "../config/schedule.ts";
import type { Batches, PackPixels } from "../data/batches.ts";
import type { Pack } from "../data/pack/pack.ts";
import type { Learner } from "../learner/learner.ts";
import type { Objective } from "../objectives/index.ts";
import type { Health } from "./events.ts";
import type { Recording } from "./recorder.ts";

/** Everything a run is, in memory. */
export interface Session {
  readonly config: TrainConfig;
  /** Of each phase. */
  computings: RunComputing;
  /** Of the present phase. */
  computing: Computing;
  readonly pack: Pack;
  readonly batches: Batches;
  readonly pixels: PackPixels;
  readonly objective: Objective;
  readonly learner: Learner;
  /** Planned anew at every status line where it follows the clock. */
  schedule: Schedule;
  readonly recorder: Recording;
  /** This process and the others, where several train the run; rank 0 writes and tells. */
  readonly ranks?: Ranks | undefined;
  /** Set from outside to end the run after the present step. */
  readonly stop: { reason?: StopReason };
  /** The model whose networks the run began with. */
  readonly from: CheckpointState["from"];
  /** The last phase there is to be, and what an image of it was found to take before the run began. */
  readonly lastPhase: number;
  readonly lastPhaseSeconds: number;
  /** As last measured (health.ts). */
  health?: Health | undefined;
  /** When it is to be measured again, by performance.now(); at once where nothing has been measured. */
  healthDue?: number;
  /** Where the run is. */
  images: number;
  steps: number;
  elapsedSeconds: number;
  lastCheckpoint: string;
}

/** Whether this process writes and tells: of several, one does. */
export const isLead = ({ ranks }: Pick<Session, "ranks">): boolean => ranks === undefined || ranks.rank === 0;
