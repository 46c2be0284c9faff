// One of several processes that share a batch, in a process of its own.
import type { Computing } from "pioneer-networks/torch";
import { Ranks, scope, setThreads, zeros } from "pioneer-torch";
import { medianOf } from "./spread.ts";
import { secondsOf } from "./step.ts";
import { createStepper, type Workload } from "./workload.ts";

export interface RankTrial {
  readonly rank: number;
  readonly size: number;
  readonly meeting: { readonly file: string };
}

/** Medians of seconds. */
export interface RankTiming {
  /** A step of all processes. */
  readonly together: number;
  /** A step of all at the same time, each with its share, that sums nothing. */
  readonly apart: number;
  /** Of `together`, in which this process stood waiting for sums: also for those who come late. */
  readonly waited: number;
  /** The sums of gradients of a step alone, while nothing is computed. */
  readonly sums: number;
  /** Of these. */
  readonly bytes: number;
}

export function timeRank(workload: Workload, computing: Computing, steps: number, place: RankTrial): RankTiming {
  setThreads(1);
  using ranks = new Ranks(place);
  const ofSteps = (sums: boolean) => {
    const stepper = createStepper(workload, computing, { one: { ranks, sums } });
    const waited: number[] = [];
    const seconds = Array.from({ length: steps + 1 }, () =>
      stepper.step((run) => {
        ranks.barrier();
        const before = ranks.secondsWaited;
        const took = secondsOf(run);
        waited.push(ranks.secondsWaited - before);
        return took;
      }),
    );
    stepper.dispose();
    const { updates } = stepper;
    return { seconds: medianOf(seconds.slice(1)), waited: medianOf(waited.slice(1)), updates };
  };
  const together = ofSteps(true);
  const apart = ofSteps(false);
  const sums = Array.from({ length: steps + 1 }, () => {
    ranks.barrier();
    return secondsOf(() => {
      for (const count of together.updates) scope(() => ranks.sum(zeros([count]))());
    });
  });
  ranks.barrier();
  return {
    together: together.seconds,
    waited: together.waited,
    apart: apart.seconds,
    sums: medianOf(sums.slice(1)),
    bytes: 4 * together.updates.reduce((sum, count) => sum + count, 0),
  };
}
