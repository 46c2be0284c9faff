// What the command line and the training process tell each other.
import type { StopReason } from "../base/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import type { EndEvent, TrainEvent } from "./events.ts";

export type ToWorker =
  | { kind: "train"; config: TrainConfig; pack: string }
  /** Finish the step, write a checkpoint, end. */
  | { kind: "stop"; reason: StopReason };

export type FromWorker =
  | { kind: "event"; event: TrainEvent }
  | { kind: "done"; end: EndEvent }
  | { kind: "failed"; code: string; message: string; exitCode: number; stack: string };
