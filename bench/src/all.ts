// `make bench`: everything, one part after the other; each part is saved as soon as it is measured.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { timeCommands, timePrepare } from "./commands.ts";
import { compareStep, type Extent } from "./compare.ts";
import { timeExported } from "./exported.ts";
import { watchOthers } from "./others.ts";
import { bench } from "./places.ts";
import { progress } from "./process.ts";
import { reportOf } from "./report.ts";
import { batches, newResults, type Part, type Results, readResults, saveResults } from "./results.ts";
import { timeScaling } from "./scaling.ts";
import { timeStudio } from "./studio.ts";
import { inOwnProcess, type Settings } from "./trial.ts";
import type { Workload } from "./workload.ts";

/** @returns a function that saves what there is of these results, and makes RESULTS.md anew */
export const saving = (results: Results) => (): void => {
  const name = saveResults(resultsFolder, results);
  writeReport();
  progress(`saved bench/results/${name}`);
};

export interface Selection {
  readonly only: readonly Part[];
  readonly phases: readonly number[];
  readonly sizes: readonly number[];
}

const resultsFolder = join(bench, "results");

/** RESULTS.md anew, of all files there. */
export function writeReport(): void {
  writeFileSync(join(bench, "RESULTS.md"), reportOf(readResults(resultsFolder)));
}

/** What is computed with. */
export interface AllSettings {
  /** As a training run would measure it. */
  readonly ofStep: (workload: Workload) => Promise<Settings>;
  /** Of inference and exported models. */
  readonly unmeasured: Settings;
}

export async function benchAll(
  { only, phases, sizes }: Selection,
  device: Settings["device"],
  { ofStep, unmeasured }: AllSettings,
  extent: Extent,
): Promise<void> {
  const results = newResults(extent, device);
  const save = saving(results);
  const workloads = sizes.flatMap((n) => phases.map((phase) => ({ phase, batch: batches[phase] ?? 4, n })));
  if (only.includes("prepare")) {
    results.prepare = await timePrepare();
    save();
  }
  if (only.includes("commands")) {
    results.commands = await timeCommands(3);
    save();
  }
  if (only.includes("studio")) {
    const timing = await timeStudio();
    if (timing) {
      results.studio = [timing];
      save();
    }
  }
  for (const workload of only.includes("inference") ? workloads : []) {
    const { phase, n } = workload;
    progress(`phase ${phase}, n ${n}: encode and decode`);
    const others = watchOthers();
    const timing = await inOwnProcess({ kind: "inference", workload, steps: 0, ...unmeasured });
    results.inference = [...results.inference, { ...workload, ...timing, others: others() }];
    save();
  }
  // Graphs are large: two sizes of image are enough.
  for (const workload of only.includes("exported") ? workloads.filter(({ phase }) => phase === 4 || phase === 5) : []) {
    // Wider ones take a minute for a batch in WASM.
    const options = { threads: unmeasured.threads, wasm: workload.n <= 128 };
    const timing = await timeExported(workload, "fp32", options, extent.system);
    results.exported = [...(results.exported ?? []), timing];
    save();
  }
  // 16x16, where sums are long beside a step, and 64x64.
  for (const workload of only.includes("scaling") ? workloads.filter(({ phase }) => phase === 2 || phase === 4) : []) {
    results.scaling = [...(results.scaling ?? []), await timeScaling(workload, await ofStep(workload), extent.steps)];
    save();
  }
  for (const workload of only.includes("steps") ? workloads : []) {
    results.steps = [...results.steps, await compareStep(workload, await ofStep(workload), extent)];
    save();
  }
}
