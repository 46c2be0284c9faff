import { formatBytes } from "../../base/format.ts";
import { barOrLines, type Count, everyPart } from "./bar-or-lines.ts";
import type { Output } from "./report.ts";

/** Less is read in a moment and shows nothing. */
const worthShowing = 32 * 2 ** 20;

/** Shows how much of a file was read. */
export function showByteProgress(output: Output): Count {
  const { update, stop } = barOrLines<{ size: string }>(output, {
    bar: (_, __, { size }) => [`of ${size}`],
    line: (done, _, { size }) => `read ${formatBytes(done)} of ${size}`,
    due: everyPart(4),
  });
  return {
    update(done, total) {
      if (total >= worthShowing) update(done, total, { size: formatBytes(total) });
    },
    stop,
  };
}
