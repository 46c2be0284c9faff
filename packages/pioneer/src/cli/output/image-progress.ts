import cliProgress from "cli-progress";
import { exitCodes } from "../../base/errors.ts";
import { formatDuration, formatRate } from "../../base/format.ts";
import type { PrepareProgress } from "../../data/prepare.ts";
import type { Output } from "./report.ts";

/** Shows how far packing or dumping has come, and how fast it is. */
export interface ImageProgress {
  readonly update: (progress: PrepareProgress) => void;
  readonly stop: () => void;
  /** "22000 images in 41 s, 536 images/s"; of this call's images alone. */
  summary(): string;
}

/** A bar on a terminal, else a line every ten percent. */
export function showProgress(output: Output): ImageProgress {
  let first: { readonly at: number; readonly done: number } | undefined;
  let last = { at: Date.now(), done: 0 };
  const begun = Date.now();
  // The first image to come tells how many an earlier call had done.
  const note = ({ done }: PrepareProgress) => {
    first ??= { at: begun, done: done - 1 };
    last = { at: Date.now(), done };
    const seconds = Math.max(1e-3, (last.at - first.at) / 1000);
    return (last.done - first.done) / seconds;
  };
  const summary = () => {
    const images = last.done - (first?.done ?? last.done);
    const seconds = Math.max(1e-3, (last.at - begun) / 1000);
    return `${images} images in ${formatDuration(seconds)}, ${formatRate(images / seconds)} images/s`;
  };
  if (!output.stream.isTTY) {
    let shown = 0;
    const update = (progress: PrepareProgress) => {
      const rate = note(progress);
      const { done, total, skipped } = progress;
      const tenth = Math.floor((10 * done) / total);
      if (tenth <= shown) return;
      shown = tenth;
      const left = done < total ? `, ${formatDuration((total - done) / rate)} left` : "";
      const missing = skipped > 0 ? `, ${skipped} skipped` : "";
      output.log(`${done} of ${total} images${missing}, ${formatRate(rate)} images/s${left}`);
    };
    return { update, stop: () => undefined, summary };
  }
  const format =
    "{bar} {percentage} % | {value} of {total} images, {skipped} skipped | {rate} images/s, {eta_formatted} left";
  const bar = new cliProgress.SingleBar(
    { format, stream: output.stream, barsize: 24, hideCursor: true, fps: 4 },
    cliProgress.Presets.shades_classic,
  );
  const update = (progress: PrepareProgress) => {
    const { done, total, skipped } = progress;
    const values = { skipped, rate: formatRate(note(progress)) };
    if (!bar.isActive) bar.start(total, done, values);
    bar.update(done, values);
  };
  return { update, stop: () => bar.stop(), summary };
}

/** Ctrl-C and SIGTERM stop the work so that the same command goes on with it; a second Ctrl-C ends at once. */
export function abortOnSignals(): { signal: AbortSignal; terminated: () => boolean } {
  const controller = new AbortController();
  let terminated = false;
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  });
  process.on("SIGTERM", () => {
    terminated = true;
    controller.abort();
  });
  return { signal: controller.signal, terminated: () => terminated };
}
