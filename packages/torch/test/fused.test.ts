// The fused operators against the same chain composed of ATen operators in float64, values and gradients.
import { describe, expect, test } from "vitest";
import {
  avgPool2d,
  conv2d,
  type DType,
  dtypeCode,
  empty,
  fused,
  grad,
  leakyRelu,
  noGrad,
  operator,
  RandomGenerator,
  randn,
  scope,
  type Tensor,
  upsampleNearest,
  zeros,
} from "../src/index.ts";
import { values } from "./support/close.ts";

const slope = 0.2;
const epsilon = 1e-8;

const operators = {
  pixelNorm: {
    fused: (x: Tensor, bias: Tensor) => fused.pixelNormLeakyRelu(x, bias, slope, epsilon),
    composed: (x: Tensor, bias: Tensor) => {
      const h = x.add(bias.reshape(x.shape.length === 4 ? [-1, 1, 1] : [-1]));
      return leakyRelu(h.div(h.square().mean([1], true).add(epsilon).sqrt()), slope);
    },
  },
  bias: {
    fused: (x: Tensor, bias: Tensor) => fused.biasLeakyRelu(x, bias, slope),
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

/** The operators of activations, on 12 channels in: each of another size out. */
const activations: Record<string, { channels: number; run: (x: Tensor, bias: Tensor) => Tensor; operator: string }> = {
  pixelNorm: {
    channels: 12,
    run: (x, bias) => fused.pixelNormLeakyRelu(x, bias, slope, epsilon),
    operator: "pioneer::pixel_norm_lrelu",
  },
  upsampledPixelNorm: {
    channels: 3,
    run: (x, bias) => fused.upsampledPixelNormLeakyRelu(x, bias, slope, epsilon),
    operator: "pioneer::upsampled_pixel_norm_lrelu",
  },
  bias: { channels: 12, run: (x, bias) => fused.biasLeakyRelu(x, bias, slope), operator: "pioneer::bias_lrelu" },
  pool: {
    channels: 12,
    run: (x, bias) => fused.biasLeakyReluPool(x, bias, slope),
    operator: "pioneer::bias_lrelu_pool",
  },
};

describe.each(Object.entries(activations))("%s", (_, { channels, run, operator }) => {
  test("NaN and infinity come through in both formats", () => {
    scope(() => {
      const random = new RandomGenerator(2);
      const x = noGrad(() => randn([1, 12, 2, 2], random).mul(0));
      const bias = randn([channels], random);
      for (const dtype of ["float32", "bfloat16"] as const) {
        const nan = run(x.div(0).to(dtype), bias);
        expect(nan.isFinite().to("float32").sum().item()).toBe(0);
        const infinite = run(x.add(Number.POSITIVE_INFINITY).to(dtype), bias);
        expect(infinite.isFinite().to("float32").sum().item()).toBe(0);
      }
    });
  });

  test("a bias of the wrong size or type, float64 and other shapes are refused in one line", () => {
    const random = new RandomGenerator(3);
    const x = randn([2, 12, 4, 4], random);
    const expected = new RegExp(`^${operator}: .*expected a bias float32\\[${channels}\\], got [^\\n]*$`);
    expect(() => run(x, randn([5], random))).toThrow(expected);
    expect(() => run(x, randn([channels], random).to("bfloat16"))).toThrow(expected);
    expect(() => run(x, randn([1, channels], random))).toThrow(expected);
    expect(() => run(x.to("float64"), randn([channels], random))).toThrow(
      /^pioneer::.*expected float32 or bfloat16, got [^\n]*$/,
    );
    expect(() => run(randn([12], random), randn([channels], random))).toThrow(/^pioneer::.*expected \[batch, C[^\n]*$/);
  });

  test("a second derivative is refused, not silently zero", () => {
    const random = new RandomGenerator(4);
    const x = randn([2, 12, 4, 4], random).requiresGrad_();
    const y = run(x, randn([channels], random)).sum();
    expect(() => grad(y, [x], { createGraph: true })).toThrow(/^[^\n]*pioneer::\w+ has no second derivative[^\n]*$/);
  });

  test("an empty batch gives an empty result", () => {
    const x = empty([0, 12, 4, 4]).requiresGrad_();
    const bias = randn([channels], new RandomGenerator(5)).requiresGrad_();
    const y = run(x, bias);
    expect(y.size(0)).toBe(0);
    const [dx, db] = grad(y.sum(), [x, bias]) as [Tensor, Tensor];
    expect(dx.shape).toEqual([0, 12, 4, 4]);
    expect(values(db)).toEqual(Array.from({ length: channels }, () => 0));
  });
});

test("what cannot be an enlarged image is refused in one line", () => {
  const random = new RandomGenerator(6);
  const bias = randn([3], random);
  for (const shape of [
    [2, 13, 4, 4],
    [2, 0, 4, 4],
    [2, 12, 1, 4],
    [2, 12, 4, 1],
  ]) {
    expect(() => fused.upsampledPixelNormLeakyRelu(zeros(shape), bias, slope, epsilon)).toThrow(
      /^pioneer::[^\n]*expected \[batch, 4C, h \+ 1, w \+ 1\], got [^\n]*$/,
    );
  }
});

test("images without width are images, and give gradients of nothing", () => {
  const x = empty([2, 12, 4, 0]).requiresGrad_();
  const bias = zeros([12]).requiresGrad_();
  for (const run of [fused.biasLeakyReluPool, fused.biasLeakyRelu]) {
    const y = run(x, bias, slope);
    expect(y.size(3)).toBe(0);
    const [dx, db] = grad(y.sum(), [x, bias]) as [Tensor, Tensor];
    expect(dx.shape).toEqual([2, 12, 4, 0]);
    expect(values(db)).toEqual(Array.from({ length: 12 }, () => 0));
  }
});

test("a slope of 0 or below has no way back, and is refused", () => {
  const [x, bias] = [zeros([2, 12, 4, 4]), zeros([12])];
  for (const wrong of [0, -0.5]) {
    const line = new RegExp(`^pioneer::[^\\n]*expected a slope above 0, got ${wrong}[^\\n]*$`);
    expect(() => fused.biasLeakyRelu(x, bias, wrong)).toThrow(line);
    expect(() => fused.biasLeakyReluPool(x, bias, wrong)).toThrow(line);
    expect(() => fused.pixelNormLeakyRelu(x, bias, wrong, epsilon)).toThrow(line);
    expect(() => fused.upsampledPixelNormLeakyRelu(x, zeros([3]), wrong, epsilon)).toThrow(line);
  }
});

describe("the ways back, called by name with what no way there kept, refuse in one line", () => {
  const [image, row] = [zeros([2, 4, 6, 6]), zeros([8])];
  const laid = image.contiguous("channelsLast");
  const call = (name: string, ...args: (Tensor | number | boolean)[]) =>
    operator<(Tensor | number | boolean)[], unknown>(`pioneer::${name}_backward`)(...args);
  const weight = zeros([8, 4, 3, 3]).contiguous("channelsLast");
  const [rows, length, one] = [zeros([8]), zeros([36]), zeros([1])];
  test.each<[string, (Tensor | number | boolean)[]]>([
    ["pixel_norm_lrelu", [laid, laid, zeros([1]), slope, false]],
    ["pixel_norm_lrelu", [laid, laid, zeros([72]).to("bfloat16"), slope, false]],
    ["pixel_norm_lrelu", [image, image, zeros([72]), slope, false]],
    ["pixel_norm_lrelu", [row, row, zeros([8]), slope, false]],
    [
      "pixel_norm_lrelu",
      [zeros([2, 4, 5, 6]), zeros([2, 4, 5, 6]).contiguous("channelsLast"), zeros([60]), slope, true],
    ],
    ["pixel_norm_lrelu", [zeros([2, 4]), zeros([2, 4]), zeros([2]), slope, true]],
    ["bias_lrelu", [laid, image, slope]],
    ["bias_lrelu_pool", [laid, laid, slope]],
    ["bias_lrelu_pool", [laid, image.to("uint8"), slope]],
    ["spectral_norm", [weight, weight, one, length, rows, length, one]],
    ["spectral_norm", [weight, weight, rows, rows, rows, length, one]],
    ["spectral_norm", [weight, weight, rows, length, one, length, one]],
    ["spectral_norm", [weight, weight, rows, length, rows, rows, one]],
    ["spectral_norm", [weight, weight, rows, length, rows, length, rows]],
    ["spectral_norm", [weight, weight, rows.to("float64"), length, rows, length, one]],
  ])("%s %#", (name, args) => {
    expect(() => call(name, ...args)).toThrow(/^pioneer::[^\n]*expected [^\n]*$/);
  });
});

describe("weights", () => {
  const float32 = dtypeCode("float32");
  const random = new RandomGenerator(7);
  const kernel = randn([5, 3, 3, 3], random);

  test("prepared is the copy, as a function of the parameter: the gradient passes through its scale", () => {
    scope(() => {
      const scale = 0.25; // exact in binary: one rounding less
      const weight = kernel.detach().requiresGrad_();
      const x = randn([2, 3, 4, 4], random);
      const plain = grad(conv2d(x, weight.mul(scale), null, 1).square().sum(), [weight])[0] as Tensor;
      const copy = noGrad(() => fused.scaled(weight, scale, float32));
      const used = fused.prepared(weight, copy, scale);
      expect(values(used)).toEqual(values(weight.mul(scale)));
      expect(copy.requiresGrad).toBe(false);
      const got = grad(conv2d(x, used, null, 1).square().sum(), [weight])[0] as Tensor;
      // The same products, a power of two apart; the order of oneDNN's sums over 32 pixels may differ.
      expect(relativeError(got, plain.to("float64"))).toBeLessThan(32 * 2 ** -24);
    });
  });

  test("prepared of a folded kernel: the gradient is unfolded and scaled", () => {
    scope(() => {
      const scale = 0.25;
      const weight = kernel.detach().requiresGrad_();
      const x = randn([2, 3, 4, 5], random);
      const dy = randn([2, 5, 8, 10], random);
      const plain = conv2d(upsampleNearest(x), weight.mul(scale), null, 1);
      const [expected] = grad(plain.mul(dy).sum(), [weight]) as [Tensor];
      // The image's pixels from the phases': row a, column b, each of [2, 20, 5, 6].
      const copy = noGrad(() => fused.upsampledKernel(weight, scale, float32));
      const y = fused.upsampledConvolution(x, fused.prepared(weight, copy, scale));
      let total = y.sum().mul(0);
      for (const a of [0, 1]) {
        for (const b of [0, 1]) {
          const part = y
            .narrow(1, (2 * a + b) * 5, 5)
            .narrow(2, a, 4)
            .narrow(3, b, 5);
          const phase = dy.reshape([2, 5, 4, 2, 5, 2]).select(5, b).select(3, a);
          total = total.add(part.mul(phase).sum());
        }
      }
      const [got] = grad(total, [weight]) as [Tensor];
      // Sums of 2 x 8 x 10 products in another order.
      expect(relativeError(got, expected.to("float64"))).toBeLessThan(160 * 2 ** -24);
    });
  });

  test("other shapes and types are refused in one line", () => {
    expect(() => fused.upsampledKernel(randn([5, 3, 4, 4], random), 1, float32)).toThrow(
      /^pioneer::[^\n]*expected float32 \[out, in, 3, 3\][^\n]*$/,
    );
    expect(() => fused.upsampledKernel(kernel.to("float64"), 1, float32)).toThrow(/expected float32 \[out, in, 3, 3\]/);
    expect(() => fused.upsampledKernel(kernel, 1, dtypeCode("float64"))).toThrow(/to float32 or bfloat16/);
    expect(() => fused.scaled(kernel, 1, dtypeCode("float64"))).toThrow(/^pioneer::[^\n]*expected float32[^\n]*$/);
    expect(() => fused.scaled(kernel.to("bfloat16"), 1, dtypeCode("bfloat16"))).toThrow(/expected float32/);
  });
});

test("fade of two dtypes or other channels is refused in one line", () => {
  const random = new RandomGenerator(8);
  const now = randn([2, 3, 4, 4], random);
  for (const before of [now.to("bfloat16"), randn([2, 4, 4, 4], random), randn([1, 3, 2, 2], random)]) {
    expect(() => fused.fade(before, now, 0.5)).toThrow(/^pioneer::[^\n]*expected two of one shape and dtype[^\n]*$/);
  }
});

test("the pooled gradient is that of the mean of four, where signs differ", () => {
  scope(() => {
    const x = noGrad(() => randn([1, 16, 2, 2], new RandomGenerator(9)));
    const bias = randn([16], new RandomGenerator(10)).mul(0);
    const [leaf, exact] = [x.detach().requiresGrad_(), x.to("float64").requiresGrad_()];
    const [got] = grad(fused.biasLeakyReluPool(leaf, bias, slope).sum(), [leaf]) as [Tensor];
    const [expected] = grad(avgPool2d(leakyRelu(exact, slope)).sum(), [exact]) as [Tensor];
    // A quarter of 1 or of 0.2, which is rounded.
    expect(relativeError(got, expected)).toBeLessThan(2 ** -24);
  });
});
