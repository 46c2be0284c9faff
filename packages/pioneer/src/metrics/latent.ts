import { eigh, scope, type Tensor } from "pioneer-torch";
import { Covariance, type Gaussian } from "./covariance.ts";
import { type Evaluation, type Metric, type MetricValue, ofHeldOut } from "./metric.ts";

/** How latents of held-out images lie on the sphere, and how well latents of samples come back. */
export const metric: Metric = {
  needs: { samples: true, heldOut: true, images: 2 },
  async begin(evaluation) {
    const { subject, own } = evaluation;
    const encoded = own(new Covariance(subject.latent));
    let cosines = 0;
    return {
      async seeSamples({ z, x }) {
        const back = await subject.encode(x);
        cosines += cosineSum(z, back);
        back.dispose();
      },
      seeHeldOut: ({ z }) => encoded.add(z),
      values: () => valuesOf(evaluation, encoded, cosines),
    };
  },
};

function valuesOf(evaluation: Evaluation, encoded: Covariance, cosines: number): MetricValue[] {
  const { subject, counts } = evaluation;
  return scope(() => {
    const moments = encoded.gaussian("biased");
    return [
      {
        name: "kl_real",
        value: klOfMoments(moments),
        better: "near",
        target: uniformKl(subject.latent, counts.heldOut),
        images: counts.heldOut,
      },
      ofHeldOut(evaluation, "effective_rank", effectiveRank(moments.covariance), "higher"),
      { name: "cosine", value: cosines / counts.samples, better: "higher", images: counts.samples },
    ];
  });
}

/**
 * The KL term of the losses for many latents: mean over coordinates of KL( N(m_j, s_j) || N(0, 1) ).
 * @param moments mean and biased covariance of the latents
 * @returns nats; see `uniformKl` for what latents spread uniformly over the sphere give
 * @see losses/kl.ts, of which this is the form for latents that come in batches
 */
export function klOfMoments({ mean, covariance }: Gaussian): number {
  const m = mean.toTypedArray() as Float64Array;
  const s = covariance.toTypedArray() as Float64Array;
  const terms = m.map((value, j) => {
    const variance = s[j * m.length + j] as number;
    return (variance + value ** 2) / 2 - Math.log(variance) / 2 - 0.5;
  });
  return terms.reduce((sum, term) => sum + term, 0) / m.length;
}

/** The KL of `count` latents uniform on the sphere in n dimensions: (1/n + ln n - 1)/2, and about 1/count of bias. */
export const uniformKl = (n: number, count: number): number => (1 / n + Math.log(n) - 1) / 2 + 1 / count;

/**
 * How many dimensions a set of latents really uses: exp of the entropy of the covariance's eigenvalues as shares of their
 * sum. From 1 (all on a line) to n (equally far in every direction), and never more than the number of latents less one.
 * @see Roy & Vetterli 2007, "The effective rank"
 */
export function effectiveRank(covariance: Tensor): number {
  const values = scope(() => eigh(covariance).values.clamp(0, null).toTypedArray() as Float64Array);
  const total = values.reduce((sum, value) => sum + value, 0);
  if (total === 0) return 0;
  const entropy = values.reduce((sum, value) => (value > 0 ? sum - (value / total) * Math.log(value / total) : sum), 0);
  return Math.exp(entropy);
}

/** Sum over rows of the cosine of the angle between them. @param a, b [n, d], rows of length 1 */
export const cosineSum = (a: Tensor, b: Tensor): number =>
  scope(() => a.to("float64").mul(b.to("float64")).sum().item());
