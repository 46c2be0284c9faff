import cliProgress from "cli-progress";
import { formatBytes } from "../../base/format.ts";
import type { Output } from "./report.ts";

/** Less is read in a moment and shows nothing. */
const worthShowing = 32 * 2 ** 20;

/** Shows how much of a file was read: a bar on a terminal, else a line every quarter. */
export function showByteProgress(output: Output): {
  readonly update: (done: number, total: number) => void;
  readonly stop: () => void;
} {
  if (!output.stream.isTTY) {
    let shown = 0;
    const update = (done: number, total: number) => {
      const quarter = Math.floor((4 * done) / total);
      if (total < worthShowing || quarter <= shown) return;
      shown = quarter;
      output.log(`read ${formatBytes(done)} of ${formatBytes(total)}`);
    };
    return { update, stop: () => undefined };
  }
  const bar = new cliProgress.SingleBar(
    { format: "{bar} {percentage} % of {size}", stream: output.stream, barsize: 24, hideCursor: true, fps: 4 },
    cliProgress.Presets.shades_classic,
  );
  const update = (done: number, total: number) => {
    if (total < worthShowing) return;
    if (!bar.isActive) bar.start(total, done, { size: formatBytes(total) });
    bar.update(done);
  };
  return { update, stop: () => bar.stop() };
}
