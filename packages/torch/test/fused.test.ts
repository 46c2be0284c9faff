// The fused operators against the same chain composed of ATen operators in float64, values and gradients.
import { describe, expect, test } from "vitest";
import {
  biasLeakyRelu,
  type DType,
  grad,
  leakyRelu,
  noGrad,
  pixelNormBiasLeakyRelu,
  RandomGenerator,
  randn,
  scope,
  type Tensor,
} from "../src/index.ts";

const slope = 0.2;
const epsilon = 1e-8;

const operators = {
  pixelNorm: {
    fused: (x: Tensor, bias: Tensor) => pixelNormBiasLeakyRelu(x, bias, slope, epsilon),
    composed: (x: Tensor, bias: Tensor) => {
      const h = x.add(bias.reshape(x.shape.length === 4 ? [-1, 1, 1] : [-1]));
      return leakyRelu(h.div(h.square().mean([1], true).add(epsilon).sqrt()), slope);
    },
  },
  bias: {
    fused: (x: Tensor, bias: Tensor) => biasLeakyRelu(x, bias, slope),
    composed: (x: Tensor, bias: Tensor) =>
      leakyRelu(x.add(bias.reshape(x.shape.length === 4 ? [-1, 1, 1] : [-1])), slope),
  },
};

/** Largest difference relative to the largest expected value. */
const relativeError = (got: Tensor, expected: Tensor): number =>
  scope(() => got.to("float64").sub(expected).abs().max().item() / expected.abs().max().item());

/** Both ways on the same numbers: those that `dtype` can hold. */
function compare(name: keyof typeof operators, shape: number[], dtype: DType) {
  return scope(() => {
    const random = new RandomGenerator(shape.length + (shape[1] as number));
    const values = randn(shape, random).to(dtype);
    const weights = randn(shape, random).to(dtype);
    const biasValues = randn([shape[1] as number], random);
    const run = (operator: (x: Tensor, bias: Tensor) => Tensor, of: DType, biasOf: DType) => {
      const x = values.to(of).clone().requiresGrad_();
      const bias = biasValues.to(biasOf).clone().requiresGrad_();
      const y = operator(x, bias);
      return [y.detach(), ...grad(y, [x, bias], { gradOutputs: [weights.to(of)] })];
    };
    const expected = run(operators[name].composed, "float64", "float64");
    const got = run(operators[name].fused, dtype, "float32");
    expect(got.map((tensor) => tensor.dtype)).toEqual([dtype, dtype, "float32"]);
    expect(got.map((tensor) => tensor.shape)).toEqual(expected.map((tensor) => tensor.shape));
    const [y, dx, db] = got as [Tensor, Tensor, Tensor];
    const [yExpected, dxExpected, dbExpected] = expected as [Tensor, Tensor, Tensor];
    // The bias gradient sums dx over pixels with both signs: its rounding is relative to the sum of their sizes.
    const summed = dxExpected
      .abs()
      .transpose(0, 1)
      .reshape([shape[1] as number, -1])
      .sum([1]);
    const biasError = db.to("float64").sub(dbExpected).abs().max().item() / summed.max().item();
    return [relativeError(y, yExpected), relativeError(dx, dxExpected), biasError] as const;
  });
}

// Odd widths leave a rest behind every vector register; 1 x 1 pixels, more rows than one piece (512).
const shapes = [
  [4, 512, 4, 4],
  [3, 33, 5, 7],
  [2, 2, 3, 3],
  [1, 130, 1, 1],
  [7, 48],
  [2, 17, 40, 40],
];

describe.each(["pixelNorm", "bias"] as const)("%s", (name) => {
  test.each(shapes)("float32 [%j, %j, %j, %j] to rounding", (...sizes) => {
    const errors = compare(
      name,
      sizes.filter((size) => size !== undefined),
      "float32",
    );
    // Each value is some 10 roundings of 2^-24 away from exact; the sums over channels and pixels add as little again.
    for (const error of errors) expect(error).toBeLessThan(20 * 2 ** -24);
  });

  test.each(shapes)("bfloat16 [%j, %j, %j, %j]: one rounding forward, two back", (...sizes) => {
    const [value, gradient, biasGradient] = compare(
      name,
      sizes.filter((size) => size !== undefined),
      "bfloat16",
    );
    // bfloat16 rounds by 2^-8 at most. The way back sees the rounded output, and rounds once more.
    expect(value).toBeLessThan(2 ** -8 * 1.01);
    expect(gradient).toBeLessThan(3 * 2 ** -8);
    expect(biasGradient).toBeLessThan(3 * 2 ** -8);
  });
});

test("row-major input gives the same numbers as channels last", () => {
  scope(() => {
    const random = new RandomGenerator(1);
    const x = randn([2, 9, 5, 5], random);
    const bias = randn([9], random);
    const apart = operators.pixelNorm.fused(x, bias).sub(operators.pixelNorm.fused(x.contiguous("channelsLast"), bias));
    expect(apart.abs().max().item()).toBe(0);
  });
});

test("NaN and infinity come through in both formats", () => {
  scope(() => {
    const random = new RandomGenerator(2);
    const x = noGrad(() => randn([1, 8, 2, 2], random).mul(0));
    const bias = randn([8], random);
    for (const dtype of ["float32", "bfloat16"] as const) {
      const nan = biasLeakyRelu(x.div(0).to(dtype), bias, slope);
      expect(nan.isFinite().to("float32").sum().item()).toBe(0);
    }
  });
});

test("a bias of the wrong size or type, and float64, are refused in one line", () => {
  const random = new RandomGenerator(3);
  const x = randn([2, 4, 3, 3], random);
  expect(() => biasLeakyRelu(x, randn([5], random), slope)).toThrow(
    /pioneer::bias_lrelu: .*expected a bias float32\[4\]/,
  );
  expect(() => biasLeakyRelu(x, randn([4], random).to("bfloat16"), slope)).toThrow(/expected a bias float32\[4\]/);
  expect(() => biasLeakyRelu(x.to("float64"), randn([4], random), slope)).toThrow(/expected float32 or bfloat16/);
});

test("a second derivative is refused, not silently zero", () => {
  const random = new RandomGenerator(4);
  const x = randn([2, 4, 3, 3], random).requiresGrad_();
  const y = biasLeakyRelu(x, randn([4], random), slope).sum();
  expect(() => grad(y, [x], { createGraph: true })).toThrow(/pioneer::bias_lrelu has no second derivative/);
});
