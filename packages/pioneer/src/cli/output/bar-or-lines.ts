import cliProgress from "cli-progress";
import { formatDuration } from "../../base/format.ts";
import { barLine } from "./bar-line.ts";
import type { Output } from "./report.ts";

/** Shows how much of some work is done. */
export interface Count {
  readonly update: (done: number, total: number) => void;
  readonly stop: () => void;
}

/** The same with more to show. @template Values what, by name */
export interface Progress<Values extends object> {
  readonly update: (done: number, total: number, values: Values) => void;
  /** Takes the bar away; to be called however the work ends, for its timer keeps the process alive. */
  readonly stop: () => void;
}

export interface BarOrLines<Values> {
  /** What stands beside the bar, the most important first. */
  readonly bar: (done: number, total: number, values: Values) => readonly string[];
  readonly line: (done: number, total: number, values: Values) => string;
  /** Which updates give a line. */
  readonly due: (done: number, total: number) => boolean;
  /** The bar goes when all is done, and the next update begins another. */
  readonly pieces?: boolean;
}

/** What all bars of ours look like. */
export const barStyle = (stream: NodeJS.WriteStream) => ({ stream, hideCursor: true, fps: 4 });

/** A bar on a terminal, else a line now and then. */
export function barOrLines<Values extends object>(
  output: Output,
  { bar: rest, line, due, pieces = false }: BarOrLines<Values>,
): Progress<Values> {
  if (!output.stream.isTTY) {
    return {
      update(done, total, values) {
        if (due(done, total)) output.log(line(done, total, values));
      },
      stop: () => undefined,
    };
  }
  const format: cliProgress.GenericFormatter = (_, { progress, eta, value, total, maxWidth }, values: Values) => {
    // The library says 0 until it knows, and words where it cannot.
    const seconds = Number(eta) === 0 && progress < 1 ? Number.NaN : Number(eta);
    return barLine(maxWidth, {
      left: `${formatDuration(seconds)} left`,
      done: progress,
      rest: rest(value, total, values),
    });
  };
  const style = { ...barStyle(output.stream), format, clearOnComplete: pieces, etaBuffer: 50 };
  const bar = new cliProgress.SingleBar(style);
  return {
    update(done, total, values) {
      if (!bar.isActive) bar.start(total, done, values);
      bar.update(done, values);
      if (pieces && done === total) bar.stop();
    },
    stop: () => bar.stop(),
  };
}

/** A line whenever another of `parts` equal parts is done. */
export function everyPart(parts: number): (done: number, total: number) => boolean {
  let shown = 0;
  return (done, total) => {
    const part = Math.floor((parts * done) / total);
    const due = part > shown;
    shown = part;
    return due;
  };
}

/** A line every so many seconds: short work says nothing. */
export function everySeconds(seconds: number): () => boolean {
  let last = Date.now();
  return () => {
    const due = Date.now() - last >= 1000 * seconds;
    if (due) last = Date.now();
    return due;
  };
}
