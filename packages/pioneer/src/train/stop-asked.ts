// What the training process itself was asked by signals, which batch systems send to every process of a job.
import type { StopReason } from "../base/errors.ts";
import { endSignals } from "../base/signals.ts";

/** Why the run is to end after the present step, once that was asked. */
export const stopAsked: { reason?: StopReason } = {};

/** From now on signals are requests, also while libtorch is still being loaded. */
export function listenForSignals(): void {
  for (const signal of endSignals) {
    process.on(signal, () => {
      stopAsked.reason ??= "terminated";
    });
  }
  process.on("SIGINT", () => {
    stopAsked.reason ??= "interrupted";
  });
}
