// A process that only works for another ends with it, whatever it computes at that moment: a computation of ONNX Runtime holds
// up JavaScript, which hears neither of a closed channel nor of signals meanwhile.
import { Worker } from "node:worker_threads";

/** Milliseconds between two looks. */
const lookMs = 200;

const look = `
  const { workerData } = require("node:worker_threads");
  setInterval(() => {
    if (process.ppid !== workerData.parent) process.kill(process.pid, "SIGKILL");
  }, workerData.lookMs);
`;

/**
 * Kills this process when its parent is gone, also one that was killed, within some tenths of a second. A thread of its own
 * looks; it does not keep the process alive.
 * @param parent process id; a parent that ended before this call is noticed too
 */
export function endWithParent(parent: number): void {
  new Worker(look, { eval: true, workerData: { parent, lookMs } }).unref();
}
