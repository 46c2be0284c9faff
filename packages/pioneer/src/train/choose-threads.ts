// One thread or all: whichever makes small steps of a phase faster while the machine does whatever else it does.
import { setImmediate } from "node:timers/promises";
import type { Computing } from "../compute/device.ts";
import type { Trial } from "./trial.ts";

/** Images per second of small steps with so many threads. */
export interface ThreadRate {
  readonly threads: number;
  readonly imagesPerSecond: number;
}

export interface PhaseThreads {
  readonly threads: number;
  /** Empty where it follows from an earlier phase. */
  readonly rates: readonly ThreadRate[];
}

/** Time for all phases together, and for each; a step that was begun is finished, and one of each count is taken. */
const budgetSeconds = { all: 1.5, phase: 0.3 };
/** Images of a step that is tried, at most. */
const mostImages = 16;
/** Later phases have more to share among threads: where all are so much faster, no later one is tried. */
const clearGain = 1.3;
/** One that is not faster by this factor does not win: fewer threads leave cores to others. */
const leastGain = 1.05;
/** No second step is taken where the first was so many times as long as with the fastest count, and took so many seconds. */
const tooSlow = { factor: 4, seconds: 0.2 };

/** Steps with one count. */
export interface TriedCount {
  readonly threads: number;
  /** Seconds of the first step, which also builds kernels; it does not count if others follow. */
  readonly first: number;
  /** Of the others, together. */
  seconds: number;
  steps: number;
}

/** The counts that are worth a second step, after the first of each; the fastest is always among them. */
export function worthMore<Tried extends Pick<TriedCount, "first">>(tried: readonly Tried[]): Tried[] {
  const fastest = Math.min(...tried.map(({ first }) => first));
  return tried.filter(({ first }) => first < tooSlow.factor * fastest || first < tooSlow.seconds);
}

/** The mean of the steps, as waiting for other work is a part of them. @param images of a step */
export const rateOf = ({ threads, first, seconds, steps }: TriedCount, images: number): ThreadRate => ({
  threads,
  imagesPerSecond: (images * Math.max(1, steps)) / (steps === 0 ? first : seconds),
});

/** The counts worth trying: one, all, and the half, where pairs of threads may share a core. */
export const threadCounts = (available: number): number[] =>
  [1, available >= 4 ? Math.floor(available / 2) : 1, available].filter((count, i, all) => all.indexOf(count) === i);

/** The count with the best rate; of those nearly as good, the smallest. @param rates at least one, in ascending order of threads */
export const fastestThreads = (rates: readonly ThreadRate[]): number =>
  rates.reduce((best, rate) => (rate.imagesPerSecond > leastGain * best.imagesPerSecond ? rate : best)).threads;

/** Where all threads are so much slower, they wait for other work, which sharing more does not mend. */
const hopeless = 2;

/** For phases that there was no time to try: all threads, unless they were hopeless in the last one that was tried. */
export function untriedThreads(rates: readonly ThreadRate[], all: number): number {
  const best = Math.max(...rates.map(({ imagesPerSecond }) => imagesPerSecond));
  const ofAll = rates.find(({ threads }) => threads === all)?.imagesPerSecond ?? best;
  return rates.length > 0 && best > hopeless * ofAll ? fastestThreads(rates) : all;
}

/** Whether all threads won so clearly that later phases need not be tried. @param rates the last one is that of all threads */
export function allWinClearly(rates: readonly ThreadRate[]): boolean {
  const all = rates.at(-1) as ThreadRate;
  return rates.slice(0, -1).every((rate) => all.imagesPerSecond > clearGain * rate.imagesPerSecond);
}

/** @param phases in ascending order, with their batches */
export async function chooseThreads(
  trial: Trial,
  phases: readonly { readonly phase: number; readonly batch: number }[],
  computing: Computing,
  counts: readonly number[],
): Promise<Map<number, PhaseThreads>> {
  const until = performance.now() + 1000 * budgetSeconds.all;
  const chosen = new Map<number, PhaseThreads>();
  const all = counts.at(-1) as number;
  let tried: readonly ThreadRate[] = [];
  let isClear = counts.length < 2;
  for (const { phase, batch } of phases) {
    if (isClear || (tried.length > 0 && performance.now() > until)) {
      chosen.set(phase, { threads: untriedThreads(tried, all), rates: [] });
      continue;
    }
    tried = await tryThreads(trial, phase, Math.min(batch, mostImages), computing, counts);
    chosen.set(phase, { threads: fastestThreads(tried), rates: tried });
    isClear = allWinClearly(tried);
  }
  return chosen;
}

/** Turn by turn, so that whatever else the machine does meets all counts. */
async function tryThreads(
  trial: Trial,
  phase: number,
  images: number,
  computing: Computing,
  counts: readonly number[],
): Promise<ThreadRate[]> {
  const until = performance.now() + 1000 * budgetSeconds.phase;
  const tried = counts.map((threads) => {
    const step = () => trial.step(phase, images, { ...computing, threads });
    return { threads, step, first: step(), seconds: 0, steps: 0 };
  });
  const running = worthMore(tried);
  do {
    await setImmediate(); // lets messages out and signals in
    for (const entry of running) {
      entry.seconds += entry.step();
      entry.steps++;
    }
  } while (performance.now() < until);
  return tried.map((entry) => rateOf(entry, images));
}
