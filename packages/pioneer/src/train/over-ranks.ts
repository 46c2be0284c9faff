// A batch that several processes share: each takes its rows of what all draw alike, and the sums over all rows are those that
// one process would make.
import { noGrad, type Ranks, scope, stack, type Tensor, tensor, zeros } from "pioneer-torch";
import type { OverRanks } from "../objectives/index.ts";
import type { ReadStep } from "./loss-ring.ts";

/** The rows of a batch that a rank takes. */
export interface Share {
  readonly first: number;
  readonly count: number;
}

/** Contiguous, in the order of ranks, and as even as can be. */
export function shareOf(batch: number, { rank, size }: Pick<Ranks, "rank" | "size">): Share {
  const first = Math.floor((batch * rank) / size);
  return { first, count: Math.floor((batch * (rank + 1)) / size) - first };
}

/** Means over one rank's rows count for so much in the mean of all. */
const weightOf = (batch: number, ranks: Pick<Ranks, "rank" | "size">): number => shareOf(batch, ranks).count / batch;

/** @param batch images of all ranks */
export function overRanks(ranks: Ranks, batch: number): OverRanks {
  const { first, count } = shareOf(batch, ranks);
  return {
    batch,
    own: (all) => all.narrow(0, first, count),
    gather: (own) =>
      noGrad(() => {
        const all = zeros([batch, ...own.shape.slice(1)], { dtype: own.dtype, device: own.device });
        scope(() => all.narrow(0, first, count).copy_(own));
        ranks.sum(all)();
        return all;
      }),
    moments: (z) => momentsOver(ranks, z, batch),
    gradients: (loss, inputs) => ranks.gradients(loss, inputs, weightOf(batch, ranks)),
  };
}

/**
 * Sums of z and z² over all rows, in float64, which leaves of E[z²] - E[z]² more than float32 has. Every rank computes the same
 * loss of them. To the mean over a rank's own rows the loss's gradient is passed on as it is: what that mean counts for in the
 * mean of all, the weighted mean of gradients makes up for.
 */
function momentsOver(ranks: Ranks, z: Tensor, batch: number): { mean: Tensor; variance: Tensor } {
  return scope(() => {
    const wide = z.to("float64");
    const own = stack([wide.mean([0]), wide.square().mean([0])]);
    const all = noGrad(() => own.detach().mul(z.size(0) / batch));
    ranks.sum(all)();
    // own - own is 0, with the gradient of own.
    const both = all.add(own.sub(own.detach()));
    const [mean, square] = [both.select(0, 0), both.select(0, 1)];
    return { mean: mean.to(z.dtype), variance: square.sub(mean.square()).to(z.dtype) };
  });
}

/** Losses of the whole batch, of those that each rank has of its rows. All ranks ask for the same steps. */
export function meansOverRanks(ranks: Ranks, steps: readonly ReadStep[]): ReadStep[] {
  const own = steps.flatMap(({ losses, batch }) => Object.values(losses).map((loss) => loss * weightOf(batch, ranks)));
  if (own.length === 0) return [];
  const all = scope(() => {
    const sums = tensor(Float64Array.from(own));
    ranks.sum(sums)();
    return sums.toTypedArray() as Float64Array;
  });
  let at = 0;
  return steps.map(({ losses, ...step }) => ({
    ...step,
    losses: Object.fromEntries(Object.keys(losses).map((name) => [name, all[at++] as number])),
  }));
}
