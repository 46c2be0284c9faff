import { cat, RandomGenerator, randn, ShapeError, scope, tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { expectClose, f64 } from "../../../torch/test/support/close.ts";
import { expectGradients, normal } from "../../../torch/test/support/differences.ts";
import { cosineMismatch, imageMismatch, klToPrior, l1, l2, latentMismatch } from "../../src/losses/index.ts";
import { normalise } from "../../src/networks/index.ts";

describe("klToPrior", () => {
  test("KL of uniform points on the unit sphere matches the closed form", () => {
    const [n, batch] = [512, 4096];
    const z = normalise(randn([batch, n], new RandomGenerator(0)));
    const expected = 0.5 * (1 / n + Math.log(n) - 1) + 1 / batch; // 1/batch: bias of the estimated variance
    // 5 x the spread over 50 seeds (1.07e-5, docs of the paper's loss); float32 rounding adds 4e-7.
    expectClose(klToPrior(z), [expected], 5.5e-5);
  });

  test("two points on the axes, by hand", () => {
    // Each coordinate is 1 and 0: mean 1/2, biased variance 1/4, so (1/4 + 1/4)/2 - ln(1/4)/2 - 1/2 = ln 2 - 1/4.
    expectClose(klToPrior(f64([1, 0, 0, 1], [2, 2])), [Math.LN2 - 0.25], 1e-15);
  });

  test("coordinates are averaged, each with its own statistics", () => {
    // First coordinate: mean 0, variance 1, so it is the prior and costs 0. Second: mean 3, variance 4.
    const second = (4 + 9) / 2 - Math.log(4) / 2 - 0.5;
    expectClose(klToPrior(f64([-1, 1, 1, 5], [2, 2])), [second / 2], 1e-15);
  });

  test("no spread at all is infinitely far, not NaN", () => {
    expect(klToPrior(f64([0.6, 0.8, 0.6, 0.8], [2, 2])).item()).toBe(Number.POSITIVE_INFINITY);
  });

  test("the other direction, by hand", () => {
    // First coordinate: mean 0, variance 1, so 0. Second: mean 3, variance 4: (1 + 9)/(2 * 16) + ln 4 - 1/2.
    const second = 10 / 32 + Math.log(4) - 0.5;
    expectClose(klToPrior(f64([-1, 1, 1, 5], [2, 2]), "pq"), [second / 2], 1e-15);
  });

  test("gradients are those of finite differences", () => {
    expectGradients((z) => klToPrior(z), [normal(1, [5, 3])]);
    expectGradients((z) => klToPrior(z, "pq"), [normal(9, [5, 3])]);
  });

  test.each([
    ["a batch of one", [1, 3]],
    ["one dimension", [3]],
    ["images", [2, 3, 1, 1]],
  ])("%s is refused by shape", (_, shape) => {
    const z = tensor(new Float32Array(shape.reduce((product, length) => product * length, 1)), shape);
    expect(() => klToPrior(z)).toThrow(ShapeError);
    expect(() => klToPrior(z)).toThrow(`klToPrior: expected z of shape [batch >= 2, n], got [${shape.join(", ")}]`);
  });
});

describe("reconstruction", () => {
  test("l1 is the mean absolute difference", () => {
    expectClose(l1(f64([1, -2, 3, 0]), f64([0, 2, 3, -1])), [(1 + 4 + 0 + 1) / 4], 1e-15);
  });

  test("cosineMismatch is 2 - cos/n: recovered, orthogonal and opposite latents", () => {
    const a = f64([0.6, 0.8, 0, 0, 1, 0], [2, 3]);
    expectClose(cosineMismatch(a, a), [2 - 1 / 3], 1e-15);
    expectClose(cosineMismatch(a, f64([0.8, -0.6, 0, 0, 0, 1], [2, 3])), [2], 1e-15);
    expectClose(cosineMismatch(a, a.neg()), [2 + 1 / 3], 1e-15);
    // One row recovered, one orthogonal: the mean over the batch.
    expectClose(cosineMismatch(a, f64([0.6, 0.8, 0, 1, 0, 0], [2, 3])), [2 - 1 / 6], 1e-15);
  });

  test("gradients are those of finite differences", () => {
    expectGradients(l1, [normal(3, [2, 3, 2, 2]), normal(4, [2, 3, 2, 2])]);
    expectGradients(cosineMismatch, [normal(5, [3, 4]), normal(6, [3, 4])]);
  });

  test("l2 is the mean squared difference", () => {
    expectClose(l2(f64([1, -2, 3, 0]), f64([0, 2, 3, -1])), [(1 + 16 + 0 + 1) / 4], 1e-15);
  });

  test("each measure of images and of latents is what its name says", () => {
    const [a, b] = [f64([3, 4, 0, 0, 2, 0], [2, 1, 1, 3]), f64([0, 5, 0, 0, 0, -3], [2, 1, 1, 3])];
    expectClose(imageMismatch(a, b, "L1"), [(3 + 1 + 2 + 3) / 6], 1e-15);
    expectClose(imageMismatch(a, b, "L2"), [(9 + 1 + 4 + 9) / 6], 1e-15);
    // An image is one vector: cosines 4/5 and 0, over 3 numbers each.
    expectClose(imageMismatch(a, b, "cos"), [2 - 0.8 / 6], 1e-15);
    const [u, v] = [f64([0.6, 0.8], [1, 2]), f64([1, 0], [1, 2])];
    expectClose(latentMismatch(u, v, "cos"), [2 - 0.6 / 2], 1e-15);
    expectClose(latentMismatch(u, v, "L1"), [(0.4 + 0.8) / 2], 1e-15);
    expectClose(latentMismatch(u, v, "L2"), [(0.16 + 0.64) / 2], 1e-15);
    for (const how of ["L2", "cos"] as const) {
      expectGradients((x, y) => imageMismatch(x, y, how), [normal(10, [2, 3, 2, 2]), normal(11, [2, 3, 2, 2])]);
    }
  });

  test("a batch is the mean of its halves", () => {
    scope(() => {
      const [a, b] = [normal(7, [4, 5]), normal(8, [4, 5])];
      const half = (i: number) => cosineMismatch(a.narrow(0, i, 2), b.narrow(0, i, 2)).item();
      expectClose(cosineMismatch(cat([a]), b), [(half(0) + half(2)) / 2], 1e-15);
    });
  });
});
