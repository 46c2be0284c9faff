import { formatDuration, formatKimg, formatRate } from "../base/format.ts";
import type { EndEvent, Health, StartEvent, TickEvent, TrainEvent } from "./events.ts";

/** An event in one line, as the terminal without progress bars and log.txt have it. */
export function formatEvent(event: TrainEvent): string {
  switch (event.kind) {
    case "start":
      return formatStart(event);
    case "tick":
      return formatTick(event);
    case "phase":
      return `phase ${event.phase}: ${event.resolution}x${event.resolution}, batch ${event.batch}`;
    case "checkpoint":
      return `wrote ${event.path}`;
    case "grid":
      return `wrote ${event.paths.join(" ")}`;
    case "log":
      return event.text;
    case "end":
      return formatEnd(event);
  }
}

/** A status line. */
function formatTick(tick: TickEvent): string {
  return [
    `${formatKimg(tick.images)} of ${formatKimg(tick.totalImages)} kimg`,
    `phase ${tick.phase} (${tick.resolution}x${tick.resolution}) alpha ${tick.alpha.toFixed(3)}`,
    `${formatRate(tick.imagesPerSecond)} img/s`,
    formatLosses(tick),
    ...(tick.health ? [formatHealth(tick.health)] : []),
    `phase ends in ${formatDuration(tick.etaPhaseSeconds)}, run in ${formatDuration(tick.etaRunSeconds)}`,
    `${tick.rssMiB.toFixed(0)} MiB`,
  ].join(" | ");
}

/** Of the pair that makes the pictures: error on held-out images, how far latents spread, how well they are recovered, how far samples differ. */
export const formatHealth = ({ pair, l1, spread, cosine, variety }: Health): string =>
  `held-out L1 ${l1.toFixed(3)} (${pair}) spread ${(100 * spread).toFixed(0)} % cos ${cosine.toFixed(2)} variety ${(100 * variety).toFixed(0)} %`;

/** The loss terms under the names of TensorBoard and, where it is known, how well latents are recovered. */
export function formatLosses({ losses, cosine }: { losses: TickEvent["losses"]; cosine?: number | undefined }): string {
  const terms = Object.entries(losses).map(([name, value]) => [snakeCase(name), value] as const);
  if (cosine !== undefined) terms.push(["cos", cosine]);
  return terms.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(" ");
}

/** klReal -> kl_real: the names of loss terms in logs. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What was chosen, in one line. */
function formatStart(start: StartEvent): string {
  const position =
    start.images === 0
      ? "from the start"
      : `${start.resumed ? "going on" : "beginning"} at ${formatKimg(start.images)}`;
  return (
    `training ${start.run} on ${start.count} images of ${start.data}, ${position} to ${formatKimg(start.totalImages)} kimg; ` +
    `${start.device}, ${start.precision} (${start.why}), ${start.threads} threads${start.processes === undefined ? "" : ` in each of ${start.processes} processes`}`
  );
}

/** Why a run ended, and how to go on. */
function formatEnd(end: EndEvent): string {
  const reasons = {
    finished: "finished",
    interrupted: "interrupted",
    terminated: "terminated",
    time: "time is up",
    "already-finished": "already finished, nothing to do",
  };
  return `${reasons[end.reason]} at ${formatKimg(end.images)} kimg, checkpoint ${end.path}`;
}
