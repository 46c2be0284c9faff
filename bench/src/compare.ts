// One workload: our step, the baselines and the limit, side by side.
import { flopsPerImage } from "pioneer-networks/torch";
import type { TimedProduct } from "./limit.ts";
import { watchOthers } from "./others.ts";
import { progress } from "./process.ts";
import { type Python, timeBaseline, type Variant } from "./python.ts";
import { medianOf, type Spread, spreadOf } from "./spread.ts";
import { type StepTime, TimeShares } from "./time-shares.ts";
import { inOwnProcess, type Settings } from "./trial.ts";
import { recipe, type Workload } from "./workload.ts";

/** Seconds of all timed steps of all trials. */
export interface Timing {
  readonly torch: string;
  /** Timed, of all trials. Missing in older files. */
  readonly steps?: number;
  readonly imagesPerSecond: number;
  readonly seconds: Spread;
  /** One a trial. */
  readonly trialMedians: readonly number[];
  readonly peakRssMiB: number;
}

/** Null is: not measured. */
export interface StepComparison extends Workload, Settings {
  readonly ours: Timing;
  readonly oursOnNewest: Timing | null;
  readonly eagerFp32: Timing | null;
  readonly eagerBf16: Timing | null;
  readonly newestEager: Timing | null;
  readonly newestCompiled: Timing | null;
  readonly limit: { readonly seconds: number; readonly products: readonly TimedProduct[] } | null;
  /** Of a large bfloat16 matrix product; on a GPU. */
  readonly matrixTflops?: number | null;
  /** Processors that other processes kept busy meanwhile, on average. Missing in older files. */
  readonly others?: number;
}

/** `seconds` are for ours, (a) and (b) together. */
export interface Extent extends StepTime {
  readonly trials: number;
  readonly limit: boolean;
  /** Python for (a) and (b), and for (c). */
  readonly system: Python | undefined;
  readonly newest: Python | undefined;
  /** Our addon on the libtorch of `newest`. */
  readonly newestAddon: string | undefined;
}

/** How the time of ours, (a) and (b) is shared: about as long as a step of each takes. */
const shares = [2, 5, 3];

interface TrialTiming {
  readonly torch: string;
  readonly secondsPerStep: readonly number[];
  readonly peakRssMiB: number;
}

export async function compareStep(workload: Workload, settings: Settings, extent: Extent): Promise<StepComparison> {
  const { steps, leastSeconds, trials, seconds, system, newest, newestAddon } = extent;
  const { phase, batch, n } = workload;
  const others = watchOthers();
  const time = seconds === undefined ? undefined : new TimeShares(seconds, system ? shares : [1]);
  const within = (seconds?: number): StepTime => ({ steps, leastSeconds, seconds });
  const repeat = async (what: string, trial: (seconds?: number) => Promise<TrialTiming>): Promise<Timing> => {
    const timings: TrialTiming[] = [];
    const share = time?.next();
    for (let i = 1; i <= trials; i++) {
      progress(`phase ${phase}, batch ${batch}, n ${n}: ${what}${trials > 1 ? `, trial ${i} of ${trials}` : ""}`);
      timings.push(await trial(share && share / trials));
    }
    return summarised(timings, batch);
  };
  const ours = (addon?: string) => async (seconds?: number) => {
    const trial = { kind: "step", workload, ...within(seconds), ...settings } as const;
    const { libtorch, ...timing } = await inOwnProcess(trial, addon);
    return { torch: libtorch, ...timing };
  };
  const theirs = { ...settings, precision: settings.baselinePrecision ?? settings.precision };
  const baseline = (what: string, variant: Variant, python: Python | undefined) =>
    python ? repeat(what, (seconds) => timeBaseline(python, variant, workload, theirs, within(seconds))) : null;
  const limit = async () => {
    progress(`phase ${phase}, batch ${batch}, n ${n}: the limit`);
    const { seconds, products, matrixTflops } = await inOwnProcess({ kind: "limit", workload, steps, ...settings });
    return { limit: { seconds, products }, matrixTflops };
  };
  return {
    ...workload,
    ...settings,
    ours: await repeat("ours", ours()),
    oursOnNewest: newestAddon ? await repeat(`ours on libtorch ${newest?.torch}`, ours(newestAddon)) : null,
    eagerFp32: await baseline("(a) the authors' step, eager float32", "authors", system),
    eagerBf16: await baseline("(b) PyTorch at its best settings", "tuned", system),
    newestEager: await baseline(`(c) eager, PyTorch ${newest?.torch}`, "tuned", newest),
    newestCompiled: await baseline(`(c) torch.compile, PyTorch ${newest?.torch}`, "compiled", newest),
    ...(extent.limit ? await limit() : { limit: null, matrixTflops: null }),
    others: others(),
  };
}

function summarised(timings: readonly TrialTiming[], batch: number): Timing {
  const seconds = spreadOf(timings.flatMap(({ secondsPerStep }) => secondsPerStep));
  return {
    torch: (timings[0] as TrialTiming).torch,
    steps: timings.reduce((sum, { secondsPerStep }) => sum + secondsPerStep.length, 0),
    imagesPerSecond: batch / seconds.median,
    seconds,
    trialMedians: timings.map(({ secondsPerStep }) => medianOf(secondsPerStep)),
    peakRssMiB: Math.max(...timings.map(({ peakRssMiB }) => peakRssMiB)),
  };
}

const ratio = (ours: Timing, other: Timing | null): number | null =>
  other && ours.imagesPerSecond / other.imagesPerSecond;

/** The faster of the two on the newest PyTorch. */
export function fasterOfNewest({ newestEager, newestCompiled }: StepComparison): Timing | null {
  if (!newestEager || !newestCompiled) return newestEager ?? newestCompiled;
  return newestEager.imagesPerSecond > newestCompiled.imagesPerSecond ? newestEager : newestCompiled;
}

export function ratiosOf(comparison: StepComparison) {
  const { ours, oursOnNewest, eagerFp32, eagerBf16, limit, matrixTflops, phase, n } = comparison;
  const tflops = (flopsPerImage({ latent: n, channels: n }, phase, recipe) * ours.imagesPerSecond) / 1e12;
  return {
    toEagerFp32: ratio(ours, eagerFp32),
    toEagerBf16: ratio(ours, eagerBf16),
    // On the same libtorch where that was measured.
    toNewest: ratio(oursOnNewest ?? ours, fasterOfNewest(comparison)),
    ofLimit: limit && limit.seconds / ours.seconds.median,
    ofMatrixRate: matrixTflops ? tflops / matrixTflops : null,
  };
}

/** What `step --json` prints. On a GPU, memory is that of its tensors. */
export function summaryOf(comparison: StepComparison) {
  const { phase, batch, n, device, ours, eagerFp32 } = comparison;
  const { toEagerFp32, toEagerBf16, ofLimit, ofMatrixRate } = ratiosOf(comparison);
  return {
    phase,
    batch,
    n,
    imagesPerSecond: ours.imagesPerSecond,
    eagerFp32ImagesPerSecond: eagerFp32?.imagesPerSecond ?? null,
    ratioToEagerFp32: toEagerFp32,
    ratioToEagerBf16: toEagerBf16,
    shareOfLimit: ofLimit,
    peakRssMiB: ours.peakRssMiB,
    ...(device === "cuda" && { device, shareOfMatrixRate: ofMatrixRate }),
  };
}
