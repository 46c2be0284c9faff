import { sampleLatents } from "pioneer-runtime";
import { Rng } from "pioneer-runtime/internal";
import { RandomGenerator, randn, scope, type Tensor, tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { klToPrior } from "../../src/losses/index.ts";
import { Covariance, type Gaussian } from "../../src/metrics/covariance.ts";
import { frechetDistance } from "../../src/metrics/fid.ts";
import { kernelDistance, polynomialMmd } from "../../src/metrics/kid.ts";
import { cosineSum, effectiveRank, klOfMoments, uniformKl } from "../../src/metrics/latent.ts";
import { precisionRecall } from "../../src/metrics/precision-recall.ts";
import { expectClose, features, numbers, reference } from "./support.ts";

const matrix = (rows: number[][]): Tensor =>
  tensor(Float64Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);
const diagonal = (values: number[]): Tensor =>
  matrix(values.map((value, i) => values.map((_, j) => (i === j ? value : 0))));
const zeroMean = (covariance: Tensor): Gaussian => ({
  mean: tensor(new Float64Array(covariance.size(0))),
  covariance,
});

/** Moments of rows that come in batches of `batch`. */
function moments(rows: Tensor, batch: number, divisor: "unbiased" | "biased" = "unbiased"): Gaussian {
  const seen = new Covariance(rows.size(1));
  for (let at = 0; at < rows.size(0); at += batch) {
    scope(() => seen.add(rows.narrow(0, at, Math.min(batch, rows.size(0) - at))));
  }
  const gaussian = seen.gaussian(divisor);
  seen.dispose();
  return gaussian;
}

describe("streaming covariance", () => {
  test.each([1, 7, 500])("of numbers around ten million, in batches of %i, is numpy's", (batch) => {
    const { mean, covariance } = moments(features(500, 5, 7).add(1e7), batch);
    // Each of up to 500 updates rounds to 1.9e-9, at random: some 2e-8 in all.
    expectClose(numbers(mean), reference.far.mean, 1e-14);
    // Such numbers are spaced 1.9e-9 apart, the covariances are from 1e-5 to 0.09: sums of squares would be off by 0.03.
    for (const [i, value] of numbers(covariance).entries()) {
      expect(Math.abs(value - (reference.far.covariance.flat()[i] as number))).toBeLessThan(1e-9);
    }
  });

  test("one row has none, and rows of another length are refused", () => {
    const seen = new Covariance(3);
    seen.add(features(1, 3, 1));
    expect(() => seen.gaussian()).toThrow("Covariance: needs at least 2 rows, got 1");
    expect(() => seen.add(features(2, 4, 1))).toThrow("expected rows of shape [n, 3], got [2, 4]");
  });
});

describe("Fréchet distance", () => {
  test.each(Object.entries(reference.frechet))("%s: the exact value to 1e-6", (_, { mean, covariance, distance }) => {
    const [a, b] = [0, 1].map((i) => ({
      mean: tensor(Float64Array.from(mean[i] as number[])),
      covariance: matrix(covariance[i] as number[][]),
    })) as [Gaussian, Gaussian];
    expectClose([frechetDistance(a, b), frechetDistance(b, a)], [distance, distance], 1e-6);
  });

  test("of covariances with the same axes: the squared differences of the deviations", () => {
    const [a, b] = [zeroMean(diagonal([4, 1, 0, 0])), zeroMean(diagonal([1, 1, 9, 0]))];
    expectClose([frechetDistance(a, b)], [(2 - 1) ** 2 + 3 ** 2], 1e-14);
  });

  test("of a Gaussian and itself is 0, singular in 200 of 256 directions too", () => {
    const rows = randn([57, 256], new RandomGenerator(1), "float64");
    const gaussian = moments(rows, 57);
    const total = numbers(gaussian.covariance)
      .filter((_, i) => i % 257 === 0)
      .reduce((sum, value) => sum + value, 0);
    expect(frechetDistance(gaussian, gaussian)).toBeLessThan(1e-9 * total);
  });

  test("of rotated singular covariances: what it is without the rotation", () => {
    const [d1, d2] = [diagonal([9, 4, 1, 0, 0]), diagonal([1, 4, 0, 16, 0])];
    const v = matrix([[1, 2, -1, 3, 1]]);
    // A reflection: I - 2 v v' / 16.
    const turn = diagonal([1, 1, 1, 1, 1]).sub(
      v
        .transpose(0, 1)
        .matmul(v)
        .mul(2 / 16),
    );
    const turned = (d: Tensor) => zeroMean(turn.matmul(d).matmul(turn));
    expectClose([frechetDistance(turned(d1), turned(d2))], [(3 - 1) ** 2 + 0 + 1 + 16], 1e-6);
  });

  test("of features: torchmetrics'", () => {
    const [f, g] = [features(400, 16, 3), features(350, 16, 5).mul(0.8).add(0.1)];
    // torchmetrics takes roots of eigenvalues of a product that is not symmetric, in float64.
    expectClose([frechetDistance(moments(f, 33), moments(g, 50))], [reference.fid_torchmetrics], 1e-9);
  });
});

describe("KID", () => {
  test("of sets of different sizes is numpy's, of equal sizes torchmetrics'", () => {
    const [f, g] = [features(400, 16, 3), features(350, 16, 5).mul(0.8).add(0.1)];
    // Differences of kernel means of about 8: 1e-13 of those is 1e-9 of what remains.
    expectClose([polynomialMmd(f, g)], [reference.kid], 1e-8);
    expectClose([polynomialMmd(f.narrow(0, 0, 350), g)], [reference.kid_torchmetrics], 1e-8);
  });

  test("of few images is that of all, whatever the seed; of many it depends on it little", () => {
    const [f, g] = [features(400, 16, 3), features(400, 16, 5).mul(0.8).add(0.1)];
    expectClose([kernelDistance(f, g, new Rng(1))], [polynomialMmd(f, g)], 1e-8);
    const [many, others] = [features(1500, 4, 3), features(1500, 4, 5).mul(0.5)];
    const [one, two] = [kernelDistance(many, others, new Rng(1)), kernelDistance(many, others, new Rng(2))];
    expect(one).not.toBe(two);
    expect(kernelDistance(many, others, new Rng(1))).toBe(one);
    // 100 subsets of two thirds of the images.
    expectClose([one], [polynomialMmd(many, others)], 0.02);
  });
});

describe("precision and recall", () => {
  test("are those of a search image by image", () => {
    const [real, generated] = [features(400, 3, 3), features(350, 3, 5).mul(0.7).add(0.1)];
    const { precision, recall } = precisionRecall(real, generated);
    expectClose([precision, recall], [reference.precision, reference.recall], 1e-12);
  });

  test("all precise and little recalled where samples cover a tenth of the images; neither where they are far", () => {
    // Points of a line at 0, 1, ..., 2999, more than a block of them; samples are the first 300, moved a little.
    const real = tensor(
      Float32Array.from({ length: 3000 }, (_, i) => i),
      [3000, 1],
    );
    const some = tensor(
      Float32Array.from({ length: 300 }, (_, i) => i + 0.25),
      [300, 1],
    );
    // Balls reach 2 to each side, at the ends of the line 3: 0 to 301 are inside.
    expect(precisionRecall(real, some)).toEqual({ precision: 1, recall: 303 / 3000 });
    expect(precisionRecall(real, some.add(1e6))).toEqual({ precision: 0, recall: 0 });
  });
});

describe("the latent's health", () => {
  const codes = () =>
    scope(() => {
      const rows = features(300, 12, 3).sub(0.45);
      return rows.div(rows.norm([1], true));
    });

  test("effective rank is numpy's; of k equal directions it is k", () => {
    expectClose([effectiveRank(moments(codes(), 32, "biased").covariance)], [reference.effective_rank], 1e-10);
    expectClose([effectiveRank(diagonal([2, 2, 2, 0, 0]))], [3], 1e-12);
    expect(effectiveRank(diagonal([0, 0]))).toBe(0);
  });

  test("KL of batches is numpy's, and the loss's over all", () => {
    const gaussian = moments(codes(), 32, "biased");
    expectClose([klOfMoments(gaussian)], [reference.kl], 1e-12);
    expectClose([klOfMoments(gaussian)], [klToPrior(codes()).item()], 1e-12);
  });

  test("KL of uniform latents is the closed form", () => {
    const [n, count] = [64, 20_000];
    const uniform = tensor(sampleLatents(count, n, 3), [count, n]);
    // The variance of each coordinate is known to sqrt(2 / count), 1 %; its bias is in the form. Over 64 coordinates the
    // error of their mean is below 1e-4 (5e-6 seen over 10 seeds); terms of third order are 1/count^1.5.
    expect(Math.abs(klOfMoments(moments(uniform, 1000, "biased")) - uniformKl(n, count))).toBeLessThan(1e-4);
  });

  test("cosine of latents: 1 with themselves, -1 with their opposites", () => {
    const z = codes();
    expect(cosineSum(z, z) / 300).toBeCloseTo(1, 12);
    expect(cosineSum(z, z.neg()) / 300).toBeCloseTo(-1, 12);
  });
});
