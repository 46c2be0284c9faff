// `make bench ARGS=quick`: the main rows of the table in some minutes, with as many steps as there is time for.
import { type AllSettings, saving } from "./all.ts";
import { compareStep, type Extent } from "./compare.ts";
import { watchOthers } from "./others.ts";
import { progress } from "./process.ts";
import { goals } from "./report-steps.ts";
import { batches, type Results } from "./results.ts";
import { TimeShares } from "./time-shares.ts";
import { inOwnProcess } from "./trial.ts";
import type { Workload } from "./workload.ts";

/** Of encode and decode, the cheap ones of the sizes that models have. */
const inferred = [4, 5].map((phase) => ({ phase, batch: batches[phase] as number, n: 128 }));

/**
 * Training steps at the workloads that goals are set for, beside (a) and (b), and some of inference.
 * @param results to be filled; saved after each row
 * @param sizes latent dimensions and channels; the cheap ones first: what they leave of their time is for the others
 * @param minutes for all of it; each contestant has one step that is not timed and one that is, however long they take
 */
export async function benchQuick(
  results: Results,
  sizes: readonly number[],
  minutes: number,
  { ofStep, unmeasured }: AllSettings,
  extent: Extent,
): Promise<void> {
  const save = saving(results);
  const step = (workload: Workload): Row => ({
    workload,
    weight: workload.n,
    async measure(seconds) {
      results.steps = [...results.steps, await compareStep(workload, await ofStep(workload), { ...extent, seconds })];
    },
  });
  const inference = (workload: Workload): Row => ({
    workload,
    weight: workload.n / 4,
    async measure() {
      const others = watchOthers();
      const timing = await inOwnProcess({ kind: "inference", workload, steps: 0, ...unmeasured });
      results.inference = [...results.inference, { ...workload, ...timing, others: others() }];
    },
  });
  const [small = [], ...large] = sizes.map((n) => goals.map(({ phase, batch }) => step({ phase, batch, n })));
  const rows = [...small, ...inferred.map(inference), ...large.flat()];
  const time = new TimeShares(
    60 * minutes,
    rows.map(({ weight }) => weight),
  );
  for (const [i, { workload, measure }] of rows.entries()) {
    const seconds = time.next();
    const { phase, batch, n } = workload;
    const row = `${i + 1} of ${rows.length}, phase ${phase}, batch ${batch}, n ${n}`;
    if (seconds <= 0) {
      progress(`${row}: not measured, the time is over (--minutes ${minutes})`);
      continue;
    }
    progress(`${row}: for about ${seconds.toFixed(0)} s`);
    await measure(seconds);
    save();
  }
}

/** A row of the tables. */
interface Row {
  readonly workload: Workload;
  /** Its part of the time. */
  readonly weight: number;
  readonly measure: (seconds: number) => Promise<void>;
}
