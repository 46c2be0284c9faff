import cliProgress from "cli-progress";
import type { Output } from "./report.ts";

/** Seconds between two lines where no bar can be drawn: short work then says nothing. */
const lineEvery = 5;

/** Shows how far one piece of work after another has come. */
export interface WorkProgress {
  readonly update: (done: number, total: number) => void;
  /** Takes the bar away; to be called however the work ends, for its timer keeps the process alive. */
  readonly stop: () => void;
}

/** A bar on a terminal, else a line every few seconds. @param what is counted, as in "40 of 100 refining steps" */
export function showWork(output: Output, what: string): WorkProgress {
  if (!output.stream.isTTY) {
    let last = Date.now();
    const update = (done: number, total: number) => {
      if (Date.now() - last < 1000 * lineEvery) return;
      last = Date.now();
      output.log(`${done} of ${total} ${what}`);
    };
    return { update, stop: () => undefined };
  }
  const format = `{bar} {percentage} % | {value} of {total} ${what}, {eta_formatted} left`;
  const style = { format, stream: output.stream, barsize: 24, hideCursor: true, fps: 4, clearOnComplete: true };
  const bar = new cliProgress.SingleBar(style, cliProgress.Presets.shades_classic);
  const update = (done: number, total: number) => {
    if (!bar.isActive) bar.start(total, done);
    bar.update(done);
    if (done === total) bar.stop();
  };
  return { update, stop: () => bar.stop() };
}
