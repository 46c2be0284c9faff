import cliProgress from "cli-progress";
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
  /** The text of the bar: {bar}, {percentage}, {value}, {total}, {eta_formatted} and the names of `Values`. */
  readonly bar: string;
  readonly line: (done: number, total: number, values: Values) => string;
  /** Which updates give a line. */
  readonly due: (done: number, total: number) => boolean;
  /** The bar goes when all is done, and the next update begins another. */
  readonly pieces?: boolean;
}

/** What all bars of ours look like. */
export const barStyle = (stream: NodeJS.WriteStream) => ({ stream, barsize: 24, hideCursor: true, fps: 4 });
export const barLook = cliProgress.Presets.shades_classic;

/** A bar on a terminal, else a line now and then. */
export function barOrLines<Values extends object>(
  output: Output,
  { bar: format, line, due, pieces = false }: BarOrLines<Values>,
): Progress<Values> {
  if (!output.stream.isTTY) {
    return {
      update(done, total, values) {
        if (due(done, total)) output.log(line(done, total, values));
      },
      stop: () => undefined,
    };
  }
  const style = { ...barStyle(output.stream), format, clearOnComplete: pieces, etaBuffer: 50 };
  const bar = new cliProgress.SingleBar(style, barLook);
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
