import type { Rng } from "pioneer-runtime/internal";
import { ShapeError, scope, type Tensor, tensor } from "pioneer-torch";
import { trace } from "../compute/operators.ts";
import { featureRows } from "./feature-rows.ts";
import { type Metric, ofSamples } from "./metric.ts";
import { choose, metricRandom } from "./random.ts";

/** As in the paper's code and its successors. */
const subsets = 100;
const subsetSize = 1000;

/** The kernel distance of the features of samples and of real images. */
export const metric: Metric = {
  needs: { network: "features", samples: true, reals: true, images: 100 },
  async begin(evaluation) {
    const { reals, samples } = await evaluation.shared(featureRows);
    return {
      values() {
        const random = metricRandom(evaluation.seed, "kid subsets");
        return [
          ofSamples(
            evaluation,
            "kid",
            scope(() => kernelDistance(reals, samples, random)),
            "lower",
          ),
        ];
      },
    };
  },
};

/**
 * Kernel inception distance: the unbiased squared maximum mean discrepancy, mean over 100 random subsets of 1,000 images
 * (of all, where there are fewer).
 * @param real [n, d], generated [m, d]: features, n and m at least 2
 * @returns about 0 for equal distributions, and then as often below as above
 * @see Bińkowski et al. 2018, arXiv:1801.01401
 */
export function kernelDistance(real: Tensor, generated: Tensor, random: Rng): number {
  const size = Math.min(subsetSize, real.size(0), generated.size(0));
  if (size === real.size(0) && size === generated.size(0)) return polynomialMmd(real, generated);
  let sum = 0;
  for (let i = 0; i < subsets; i++) {
    sum += scope(() => {
      const part = (rows: Tensor) => rows.indexSelect(0, tensor(choose(size, rows.size(0), random)));
      return polynomialMmd(part(real), part(generated));
    });
  }
  return sum / subsets;
}

/**
 * Unbiased estimate of the squared maximum mean discrepancy under the kernel (x·y / d + 1)³, in float64.
 * @param x [n, d], y [m, d]; n, m at least 2
 * @throws ShapeError
 */
export function polynomialMmd(x: Tensor, y: Tensor): number {
  const [n, m, d] = [x.size(0), y.size(0), x.size(1)];
  if (n < 2 || m < 2 || y.size(1) !== d) {
    throw new ShapeError(
      `polynomialMmd: expected [n >= 2, d] and [m >= 2, d], got [${n}, ${d}] and [${m}, ${y.size(1)}]`,
    );
  }
  return scope(() => {
    const [a, b] = [x.to("float64"), y.to("float64")];
    const kernel = (p: Tensor, q: Tensor) => {
      const base = p.matmul(q.transpose(0, 1)).div(d).add(1);
      return base.square().mul(base);
    };
    const within = (p: Tensor, count: number) => {
      const k = kernel(p, p);
      return (k.sum().item() - trace(k).item()) / (count * (count - 1));
    };
    return within(a, n) + within(b, m) - 2 * kernel(a, b).mean().item();
  });
}
