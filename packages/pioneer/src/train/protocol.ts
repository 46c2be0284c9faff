// What the command line and the training process tell each other.
import type { StopReason } from "../base/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import type { EndEvent, TrainEvent } from "./events.ts";
import type { RankPlace } from "./rank-places.ts";

export type ToWorker =
  /** `place` where it trains with others. */
  | { kind: "train"; config: TrainConfig; pack: string; place?: RankPlace | undefined }
  /** Finish the step, write a checkpoint, end. */
  | { kind: "stop"; reason: StopReason };

export type FromWorker =
  | { kind: "event"; event: TrainEvent }
  | { kind: "done"; end: EndEvent }
  | { kind: "failed"; code: string; message: string; exitCode: number; stack: string };
