// Where the time of a step goes, operator by operator.
import type { Computing } from "pioneer-networks/torch";
import { type OperatorCall, recordOperators } from "pioneer-torch";
import { createStepper, type Workload, warmUp } from "./workload.ts";

/**
 * What one warm step executes. The first is not the one: it allocates, and its image pool is empty.
 * @param leastSeconds steps before it go on for so long: operators then take as long as in most steps
 */
export function recordStep(workload: Workload, computing: Computing, leastSeconds = 0): readonly OperatorCall[] {
  const stepper = createStepper(workload, computing);
  warmUp(stepper, { leastSeconds });
  const calls = stepper.step((run) => recordOperators(run).calls);
  stepper.dispose();
  return calls;
}

export interface OperatorTotal {
  readonly name: string;
  readonly count: number;
  readonly milliseconds: number;
  /** Of the time spent in all recorded calls. */
  readonly share: number;
}

/** Own times summed by name, the most expensive first. */
export function totalsOf(calls: readonly OperatorCall[]): OperatorTotal[] {
  const all = calls.reduce((sum, { seconds }) => sum + seconds, 0);
  return [...groupBy(calls, ({ name }) => name)]
    .map(([name, of]) => {
      const seconds = of.reduce((sum, call) => sum + call.seconds, 0);
      return { name, count: of.length, milliseconds: 1000 * seconds, share: seconds / all };
    })
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

export function tableOf(totals: readonly OperatorTotal[]): string {
  const rows = totals.map(({ name, count, milliseconds, share }) => [
    `${count}`,
    milliseconds.toFixed(2),
    `${(100 * share).toFixed(1)} %`,
    name,
  ]);
  const sum = totals.reduce((total, { milliseconds }) => total + milliseconds, 0);
  const lines = [["calls", "own ms", "share", "operator"], ...rows, ["", sum.toFixed(2), "100 %", "all"]];
  return lines
    .map(
      ([count = "", ms = "", share = "", name = ""]) =>
        `${count.padStart(6)}${ms.padStart(11)}${share.padStart(9)}  ${name}`,
    )
    .join("\n");
}

/** Map.groupBy, which Node 20 lacks. */
export function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}
