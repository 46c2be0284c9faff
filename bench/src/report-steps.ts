// Training steps in bench/RESULTS.md.
import { mostOthers } from "pioneer-networks/torch";
import { fasterOfNewest, ratiosOf, type StepComparison, type Timing } from "./compare.ts";
import { figure, none, percent, table, times } from "./markdown.ts";
import { batches, keyOf, type Results, type ResultsFile } from "./results.ts";
import { convolutionsAsked, precisionAsked } from "./trial.ts";

/** What we want of a step at n = 512, on two cores with amx_bf16. */
export const goals = [
  { phase: 4, batch: 8, toEagerFp32: 10, toEagerBf16: 1.8, ofLimit: 0.75 },
  { phase: 3, batch: 16, toEagerFp32: 7, toEagerBf16: 1.6, ofLimit: 0.7 },
  { phase: 2, batch: 32, toEagerFp32: 5.5, toEagerBf16: 1.5, ofLimit: 0.65 },
  { phase: 5, batch: 4, toEagerFp32: 8, toEagerBf16: 1.7, ofLimit: 0.7 },
] as const;
const goalToNewest = 1.3;
export const goalUnit = "amx_bf16";

/** A step, and the commit it was measured at. */
type MeasuredStep = StepComparison & { readonly commit: string };

/** What the tables of a machine show. */
export interface ShownSteps {
  /** The newest file with all workloads beside (a) and (b). */
  readonly complete: ResultsFile | undefined;
  /** Of that file; where there is none, of each workload the newest measurement, so that commits may differ. */
  readonly steps: readonly MeasuredStep[];
  /** Measured again since then. */
  readonly since: readonly MeasuredStep[];
}

/** @param files of a machine, newest first */
export function shownSteps(files: readonly ResultsFile[]): ShownSteps {
  const at = files.findIndex(({ results }) => isComplete(results));
  const complete = files[at];
  const ofCpu = (of: readonly ResultsFile[]) => newestSteps(of).filter(({ device }) => device !== "cuda");
  return complete
    ? { complete, steps: ofCpu([complete]), since: ofCpu(files.slice(0, at)) }
    : { complete, steps: ofCpu(files), since: [] };
}

/** Whether all of `make bench`'s steps are there, as it measures them by itself, beside (a) and (b). */
const isComplete = ({ steps, machine }: Results): boolean =>
  [512, 128].every((n) =>
    batches.every((batch, phase) =>
      steps.some(
        (step) =>
          step.n === n &&
          step.phase === phase &&
          step.batch === batch &&
          isChosen(step, machine.cores) &&
          step.eagerFp32 !== null &&
          step.eagerBf16 !== null,
      ),
    ),
  );

/** Measured on the processor with all cores, with the precision and convolutions that we choose. */
const isChosen = (step: StepComparison, cores: number): boolean =>
  step.device !== "cuda" && precisionAsked(step) !== "fp32" && !step.forced && step.threads === cores;

/** Of each workload the newest measurement. */
function newestSteps(files: readonly ResultsFile[]): MeasuredStep[] {
  const found = new Map<string, MeasuredStep>();
  for (const { results } of files) {
    for (const step of results.steps) {
      const key = keyOf(step);
      if (!found.has(key)) found.set(key, { ...step, commit: results.commit });
    }
  }
  return [...found.values()];
}

/** The goals are those of bf16, which (b) computes in, on all cores, with the precision and convolutions that we choose. */
export function goalTable(steps: readonly MeasuredStep[], cores: number): string {
  const rows = goals.map((goal) => {
    const found = steps.find(
      (step) => step.n === 512 && step.phase === goal.phase && step.batch === goal.batch && isChosen(step, cores),
    );
    const ratios = found && ratiosOf(found);
    const pair = (wanted: string, reached: string | null | undefined) => `${wanted} / ${reached ?? none}`;
    return [
      `${goal.phase}, ${4 * 2 ** goal.phase}x${4 * 2 ** goal.phase}, ${goal.batch}`,
      pair(`${goal.toEagerFp32}x`, times(ratios?.toEagerFp32)),
      pair(`${goal.toEagerBf16}x`, times(ratios?.toEagerBf16)),
      pair(`${goalToNewest}x`, times(ratios?.toNewest)),
      pair(`${100 * goal.ofLimit} %`, percent(ratios?.ofLimit)),
      pair("at most (b)'s", found?.eagerBf16 && times(found.ours.peakRssMiB / found.eagerBf16.peakRssMiB)),
      found?.commit ?? "",
    ];
  });
  return table(["phase, size, batch", "(a)", "(b)", "faster of (c)", "of the limit", "peak memory", "commit"], rows);
}

const sorted = <T extends StepComparison>(steps: readonly T[]) =>
  [...steps].sort((a, b) => b.n - a.n || a.phase - b.phase || a.batch - b.batch);

/** Ours, whether it was measured to be the faster one, and that of the baselines where it is another one. */
const precisionCell = (step: StepComparison) => {
  const { precision, baselinePrecision = precision } = step;
  const graphs = step.cudaGraphs ? ", CUDA graph" : "";
  const ours = (precisionAsked(step) === "auto" ? `auto: ${precision}` : precision) + graphs;
  return baselinePrecision === precision ? ours : `${ours} ((b), (c): ${baselinePrecision})`;
};

const workloadCells = (step: StepComparison, cores: number) => {
  const { n, phase, batch, forced, threads, others = 0 } = step;
  const settings = [
    precisionCell(step),
    ...(forced ? [convolutionsAsked(step)] : []),
    ...(threads === cores ? [] : [`${threads} threads`]),
    ...(others > mostOthers ? [`beside other work on ${others.toFixed(1)} cores`] : []),
  ];
  return [`${n}`, `${phase}`, `${batch}`, settings.join(", ")];
};

/** The median, and the fastest and the slowest step. */
const speed = (timing: Timing | null) => {
  if (!timing) return none;
  const at = (seconds: number) => figure((timing.imagesPerSecond * timing.seconds.median) / seconds);
  return `${figure(timing.imagesPerSecond)} (${at(timing.seconds.min)} to ${at(timing.seconds.max)})`;
};

/** Steps on GPUs, of all machines. */
export function gpuSection(files: readonly ResultsFile[]): string {
  const gpus = [...new Set(files.map(({ results }) => results.machine.gpu).filter((gpu) => gpu !== undefined))];
  const rows = gpus.flatMap((gpu) =>
    sorted(newestSteps(files.filter(({ results }) => results.machine.gpu === gpu)))
      .filter(({ device }) => device === "cuda")
      .map((step) => {
        const { toEagerBf16, ofLimit, ofMatrixRate } = ratiosOf(step);
        const { n, phase, batch, ours, eagerFp32, eagerBf16, commit } = step;
        const memory = eagerBf16 && times(ours.peakRssMiB / eagerBf16.peakRssMiB);
        const shares = [times(toEagerBf16), percent(ofLimit), percent(ofMatrixRate), memory].map(
          (cell) => cell ?? none,
        );
        const speeds = [ours, eagerFp32, eagerBf16].map(speed);
        return [gpu, `${n}`, `${phase}`, `${batch}`, precisionCell(step), ...speeds, ...shares, commit];
      }),
  );
  if (rows.length === 0) return table(["what", "figure"], [["training step, any phase", none]]);
  const heads = [
    "ours, images/s",
    "(a)",
    "(b)",
    "against (b)",
    "of the limit",
    "of the bf16 matrix rate",
    "memory against (b)",
  ];
  return table(["GPU", "n", "phase", "batch", "precision", ...heads, "commit"], rows);
}

export function stepTable(steps: readonly MeasuredStep[], cores: number): string {
  if (steps.length === 0) return none;
  const rows = sorted(steps).map((step) => [
    ...workloadCells(step, cores),
    speed(step.ours),
    speed(step.oursOnNewest),
    speed(step.eagerFp32),
    speed(step.eagerBf16),
    speed(step.newestEager),
    speed(step.newestCompiled),
    step.limit ? figure(step.batch / step.limit.seconds) : none,
    step.commit,
  ]);
  const heads = ["ours", "ours on (c)'s libtorch", "(a)", "(b)", "(c) eager", "(c) compiled", "limit", "commit"];
  return table(["n", "phase", "batch", "precision", ...heads], rows);
}

/** Of a quick run: how many steps each figure is of stands beside it. */
export function quickTable(steps: readonly StepComparison[], cores: number): string {
  const counted = (timing: Timing | null) =>
    timing ? `${speed(timing)}, ${timing.steps} step${timing.steps === 1 ? "" : "s"}` : none;
  const rows = sorted(steps).map((step) => {
    const { toEagerFp32, toEagerBf16 } = ratiosOf(step);
    const ratios = [toEagerFp32, toEagerBf16].map((ratio) => times(ratio) ?? none);
    return [...workloadCells(step, cores), ...[step.ours, step.eagerFp32, step.eagerBf16].map(counted), ...ratios];
  });
  return table(
    ["n", "phase", "batch", "precision", "ours, images/s", "(a)", "(b)", "against (a)", "against (b)"],
    rows,
  );
}

export function memoryTable(steps: readonly MeasuredStep[], cores: number): string {
  if (steps.length === 0) return none;
  const peak = (timing: Timing | null) => (timing ? timing.peakRssMiB.toFixed(0) : none);
  const rows = sorted(steps).map((step) => [
    ...workloadCells(step, cores),
    peak(step.ours),
    peak(step.eagerFp32),
    peak(step.eagerBf16),
    peak(fasterOfNewest(step)),
    step.commit,
  ]);
  return table(["n", "phase", "batch", "precision", "ours", "(a)", "(b)", "faster of (c)", "commit"], rows);
}
