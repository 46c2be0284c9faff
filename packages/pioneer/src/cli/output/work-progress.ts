import { barOrLines, type Count, everySeconds } from "./bar-or-lines.ts";
import type { Output } from "./report.ts";

/** Shows how far one piece of work after another has come. @param what is counted, as in "40 of 100 refining steps" */
export function showWork(output: Output, what: string): Count {
  const { update, stop } = barOrLines(output, {
    bar: (done, total) => [`${done} of ${total} ${what}`],
    line: (done, total) => `${done} of ${total} ${what}`,
    due: everySeconds(5),
    pieces: true,
  });
  return { update: (done, total) => update(done, total, {}), stop };
}
