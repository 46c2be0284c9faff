import { eigh, scope, type Tensor } from "pioneer-torch";
import { trace } from "../compute/operators.ts";
import { Covariance, type Gaussian } from "./covariance.ts";
import { type Metric, ofSamples } from "./metric.ts";
import type { OnnxNetwork } from "./onnx-network.ts";

/** The Fréchet distance of the features of samples and of real images. */
export const metric: Metric = {
  needs: {
    network: "features",
    samples: true,
    reals: true,
    images: 2,
    moreThanFeatures: { mend: "use kid, which is not biased" },
  },
  async begin(evaluation) {
    const { networks, own } = evaluation;
    const { width } = networks.features as OnnxNetwork;
    const [samples, reals] = [own(new Covariance(width)), own(new Covariance(width))];
    return {
      seeSamples: async ({ features }) => samples.add(await features()),
      seeReals: async ({ features }) => reals.add(await features()),
      values() {
        const distance = scope(() => frechetDistance(reals.gaussian(), samples.gaussian()));
        return [ofSamples(evaluation, "fid", distance, "lower")];
      },
    };
  },
};

/**
 * Squared Fréchet (2-Wasserstein) distance of two Gaussians: |m1 - m2|² + tr S1 + tr S2 - 2 tr (S1^½ S2 S1^½)^½. Between
 * Gaussians of the features of real and of generated images it is the FID. Computed through symmetric eigenproblems, so that
 * singular covariances (fewer images than features) are no trouble: directions in which S1 has no variance, up to rounding,
 * add nothing to the last trace and are left out.
 * @param a, b  mean [d], covariance [d, d], float64
 * @returns     at least 0, in squared units of the features; 0 for equal Gaussians
 * @see Dowson & Landau 1982; Heusel et al. 2017, arXiv:1706.08500
 */
export function frechetDistance(a: Gaussian, b: Gaussian): number {
  return scope(() => {
    const means = a.mean.sub(b.mean).square().sum().item();
    const traces = trace(a.covariance).item() + trace(b.covariance).item();
    return Math.max(0, means + traces - 2 * traceOfRoot(a.covariance, b.covariance));
  });
}

/** tr (S1^½ S2 S1^½)^½ in the eigenvectors of S1: D^½ U' S2 U D^½ has the eigenvalues of S1^½ S2 S1^½. */
function traceOfRoot(s1: Tensor, s2: Tensor): number {
  const { values, vectors } = eigh(s1);
  const variances = values.toTypedArray() as Float64Array;
  const largest = variances.at(-1) ?? 0;
  const dims = variances.length;
  const used = variances.filter((value) => value > dims * Number.EPSILON * largest).length;
  if (used === 0) return 0;
  const roots = values.narrow(0, dims - used, used).sqrt();
  const scaled = vectors.narrow(1, dims - used, used).mul(roots);
  const product = scaled.transpose(0, 1).matmul(s2).matmul(scaled);
  // Rounding makes it slightly asymmetric, and its smallest eigenvalues slightly negative.
  const symmetric = product.add(product.transpose(0, 1)).div(2);
  return eigh(symmetric).values.clamp(0, null).sqrt().sum().item();
}
