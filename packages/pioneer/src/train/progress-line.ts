import type { EndEvent, StartEvent, TickEvent } from "./events.ts";

/** A status line as the terminal without a progress bar, and log.txt, have it. */
export function formatTick(tick: TickEvent): string {
  return [
    `${formatKimg(tick.images)} of ${formatKimg(tick.totalImages)} kimg`,
    `phase ${tick.phase} (${tick.resolution}x${tick.resolution}) alpha ${tick.alpha.toFixed(3)}`,
    `${formatRate(tick.imagesPerSecond)} img/s`,
    formatLosses(tick),
    `phase ends in ${formatDuration(tick.etaPhaseSeconds)}, run in ${formatDuration(tick.etaRunSeconds)}`,
    `${tick.rssMiB.toFixed(0)} MiB`,
  ].join(" | ");
}

/** The loss terms under the names of TensorBoard and, where it is known, how well latents are recovered. */
export function formatLosses({ losses, cosine }: TickEvent): string {
  const terms = Object.entries(losses).map(([name, value]) => [snakeCase(name), value] as const);
  if (cosine !== undefined) terms.push(["cos", cosine]);
  return terms.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(" ");
}

/** klReal -> kl_real: the names of loss terms in logs. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What was chosen, in one line. */
export function formatStart(start: StartEvent): string {
  const position =
    start.images === 0
      ? "from the start"
      : `${start.resumed ? "going on" : "beginning"} at ${formatKimg(start.images)}`;
  return (
    `training ${start.run} on ${start.count} images of ${start.data}, ${position} to ${formatKimg(start.totalImages)} kimg; ` +
    `${start.device}, ${start.precision} (${start.why}), ${start.threads} threads`
  );
}

/** Why a run ended, and how to go on. */
export function formatEnd(end: EndEvent): string {
  const reasons = {
    finished: "finished",
    interrupted: "interrupted",
    terminated: "terminated",
    time: "time is up",
    "already-finished": "already finished, nothing to do",
  };
  return `${reasons[end.reason]} at ${formatKimg(end.images)} kimg, checkpoint ${end.path}`;
}

/** 59 s, 12 min, 3 h 05 min, 2 d 4 h; rounded to what a person waits for. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 59.5) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Thousands of images, with two decimals while they are few. */
export function formatKimg(images: number): string {
  const kimg = images / 1000;
  return kimg < 100 ? String(Number(kimg.toFixed(2))) : kimg.toFixed(0);
}

/** Images per second with three digits. */
export function formatRate(imagesPerSecond: number): string {
  return String(Number(imagesPerSecond.toPrecision(3)));
}
