import { conv2d, operator, RandomGenerator, rand, randn, type Tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { expectClose, f64, values } from "../../../torch/test/support/close.ts";
import { expectGradients, normal } from "../../../torch/test/support/differences.ts";
import { composed } from "../../src/networks/composed.ts";
import { denseFrom4x4, denseTo4x4, normalise, rgbConvolution } from "../../src/networks/layers.ts";

const singularValues = operator<[Tensor], Tensor>("aten::linalg_svdvals");

// Float64 sums of at most 16 * 7 products of size about 1: 112 * 1.1e-16 * 112 = 1.4e-12 at the very worst, and the
// order of the sums is all that differs.
const rounding = 1e-12;

describe("block 0 as matrix products", () => {
  const weight = normal(1, [5, 7, 4, 4]);

  test("denseTo4x4 is the 4x4 convolution of a 1x1 image padded by 3", () => {
    const z = normal(3, [3, 7]);
    const expected = conv2d(z.reshape([3, 7, 1, 1]), weight, null, 3);
    const got = denseTo4x4(weight)(z);
    expect(got.shape).toEqual([3, 5, 4, 4]);
    expectClose(got, values(expected), rounding);
  });

  test("denseFrom4x4 is the unpadded 4x4 convolution of a 4x4 image", () => {
    const x = normal(4, [3, 7, 4, 4]);
    const got = denseFrom4x4(weight)(x);
    expect(got.shape).toEqual([3, 5]);
    expectClose(got, values(conv2d(x, weight, null)), rounding);
  });

  test("their gradients are those of finite differences", () => {
    expectGradients((w, z) => denseTo4x4(w)(z), [normal(5, [2, 3, 4, 4]), normal(7, [2, 3])]);
    expectGradients((w, x) => denseFrom4x4(w)(x), [normal(8, [2, 3, 4, 4]), normal(10, [2, 3, 4, 4])]);
  });
});

test("3x3 convolutions keep the size, those to and from RGB mix channels pixel by pixel", () => {
  const x = normal(11, [2, 3, 5, 5]);
  expect(composed.convolution(normal(12, [2, 3, 3, 3]))(x).shape).toEqual([2, 2, 5, 5]);
  // First output: red minus blue; second: twice green, plus 10.
  const mixed = rgbConvolution(f64([1, 0, -1, 0, 2, 0], [2, 3, 1, 1]), f64([0, 10]), "fp64")(x);
  const [r, g, b] = [0, 1, 2].map((channel) => x.select(1, channel)) as [Tensor, Tensor, Tensor];
  expectClose(mixed.select(1, 0), values(r.sub(b)), 1e-15);
  expectClose(mixed.select(1, 1), values(g.mul(2).add(10)), 1e-14);
});

test("normalise gives rows of length 1, whatever their length was", () => {
  const z = f64([3, 4, 0, -2, 1e-30, 0], [3, 2]);
  expectClose(normalise(z), [0.6, 0.8, 0, -1, 1, 0], 1e-15);
});

describe("spectralNorm", () => {
  const spectralNorm = (w: Tensor, u: Tensor) => composed.spectralNorm(w, u, "float64");

  /** v = W'u/|W'u|, u' = Wv/|Wv|, sigma = u'Wv, in plain numbers. */
  function byHand(w: number[][], u: number[]) {
    const unit = (a: number[]) => a.map((value) => value / Math.hypot(...a));
    const v = unit(
      (w[0] as number[]).map((_, j) => w.reduce((sum, row, i) => sum + (row[j] as number) * (u[i] as number), 0)),
    );
    const forward = w.map((row) => row.reduce((sum, value, j) => sum + value * (v[j] as number), 0));
    const next = unit(forward);
    return { sigma: next.reduce((sum, value, i) => sum + value * (forward[i] as number), 0), u: next };
  }

  test("one power iteration, as by hand", () => {
    const w = [
      [1, 2, -1],
      [0.5, -3, 2],
    ];
    const expected = byHand(w, [0.3, -0.1]);
    const { weight, u } = spectralNorm(f64(w.flat(), [2, 3, 1, 1]), f64([0.3, -0.1], [2, 1]));
    expectClose(u, expected.u, 1e-15);
    expectClose(
      weight,
      w.flat().map((value) => value / expected.sigma),
      1e-15,
    );
  });

  test("repeated, it brings the largest singular value to 1", () => {
    const w = randn([6, 4, 3, 3], new RandomGenerator(20), "float64");
    let u = rand([6, 1], new RandomGenerator(21), -0.1, 0.1, "float64");
    let weight = w;
    for (let i = 0; i < 300; i++) ({ weight, u } = spectralNorm(w, u));
    expectClose(singularValues(weight.reshape([6, -1])).narrow(0, 0, 1), [1], 1e-10);
  });

  test("gradients flow through v, u' and sigma alike, to the weight and through the new u", () => {
    const u = normal(22, [3, 1]);
    expectGradients((w) => spectralNorm(w, u).weight, [normal(23, [3, 2, 2, 2])]);
    expectGradients((w) => spectralNorm(w, u).u, [normal(24, [3, 2, 2, 2])]);
  });
});
