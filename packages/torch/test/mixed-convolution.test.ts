// Convolutions whose passes have forms of their own; the weight gradient as a product for each tap.
import { afterEach, describe, expect, test } from "vitest";
import {
  conv2d,
  convolution3x3,
  type DType,
  grad,
  mixedConvolution,
  operator,
  type PassForms,
  RandomGenerator,
  randn,
  recordOperators,
  scope,
  setConvolutions,
  type Tensor,
  winogradConvolution,
} from "../src/index.ts";
import { apart } from "./support/close.ts";

type Convolution = (x: Tensor, w: Tensor) => Tensor;
type Shape = readonly [batch: number, into: number, out: number, height: number, width: number];

const mixed =
  (forward: PassForms["forward"], toData: PassForms["toData"], toWeights: PassForms["toWeights"]): Convolution =>
  (x, w) =>
    mixedConvolution(x, w, { forward, toData, toWeights });
const taps = mixed("direct", "direct", "taps");
const direct: Convolution = (x, w) => conv2d(x, w, null, 1);

/** Random numbers that `dtype` can hold, and value, gradient of x and gradient of w of a convolution of them. */
function passes([batch, into, out, height, width]: Shape, dtype: DType, convolve: Convolution, of = dtype): Tensor[] {
  const random = new RandomGenerator(batch);
  const [x, w, dy] = [
    [batch, into, height, width],
    [out, into, 3, 3],
    [batch, out, height, width],
  ].map((shape) => randn(shape, random).to(dtype).to(of)) as [Tensor, Tensor, Tensor];
  const leaves = [x, w].map((value) => value.contiguous("channelsLast").detach().requiresGrad_()) as [Tensor, Tensor];
  const y = convolve(...leaves);
  return [y.detach(), ...grad(y, leaves, { gradOutputs: [dy] })];
}

const bits = (value: Tensor) => value.to("float32").toTypedArray();

// One pixel; a row; a column; odd sizes and channels; and 30 · 16 · 17 pixels, which are two groups.
const shapes: Shape[] = [
  [3, 4, 5, 1, 1],
  [2, 5, 3, 1, 6],
  [2, 5, 3, 6, 1],
  [7, 33, 17, 5, 3],
  [30, 24, 40, 16, 16],
];

describe.each(shapes)("by taps, of %d images, %d to %d channels, %d x %d pixels", (...shape) => {
  const [batch, , , height, width] = shape;

  test("float32: the gradient of the kernel is right to rounding", () => {
    scope(() => {
      const [, , got] = passes(shape, "float32", taps);
      const [, , expected] = passes(shape, "float32", direct, "float64");
      // A rounding errs by 2^-24 / sqrt(3) in the mean, a sum of n terms by sqrt(n / 2) of them at most; ten more for short sums.
      const terms = batch * height * width;
      expect(apart(got as Tensor, expected as Tensor)).toBeLessThan(
        Math.sqrt(terms / 2 + 10) * (2 ** -24 / Math.sqrt(3)),
      );
    });
  });
});

// The products of the smaller ones are not oneDNN's.
test.each(shapes.slice(3))(
  "by taps, of %d images, %d to %d channels, %d x %d pixels in bfloat16: to three roundings",
  (...shape) => {
    scope(() => {
      const [, , got] = passes(shape, "bfloat16", taps);
      const [, , expected] = passes(shape, "bfloat16", direct, "float64");
      // One of each group's sum, one of all; each errs by 2^-8 / sqrt(3) at most in the mean.
      expect(apart(got as Tensor, expected as Tensor)).toBeLessThan(2 ** -8);
    });
  },
);

const forms = (["direct", "winograd"] as const).flatMap((forward) =>
  (["direct", "winograd"] as const).flatMap((toData) =>
    (["direct", "winograd", "taps"] as const).map((toWeights) => [forward, toData, toWeights] as const),
  ),
);

test.each(forms)("forwards %s, to data %s, to weights %s: each pass gives the bits of its form", (...of) => {
  for (const dtype of ["float32", "bfloat16"] as const) {
    scope(() => {
      const shape: Shape = [3, 16, 24, 4, 6];
      const whole = { direct: passes(shape, dtype, direct), winograd: passes(shape, dtype, winogradConvolution) };
      const byTaps = { ...whole, taps: passes(shape, dtype, taps) };
      for (const [i, got] of passes(shape, dtype, mixed(...of)).entries()) {
        const form = of[i] as keyof typeof byTaps;
        expect(bits(got)).toEqual(bits(byTaps[form][i] as Tensor));
      }
    });
  }
});

test("one gradient alone gives the same numbers", () => {
  scope(() => {
    const random = new RandomGenerator(5);
    const [x, w] = [randn([2, 8, 4, 4], random), randn([6, 8, 3, 3], random)];
    for (const form of [taps, mixed("direct", "winograd", "direct"), mixed("winograd", "direct", "winograd")]) {
      const alone = (index: number) => {
        const leaves = [x, w].map((value, i) => (i === index ? value.clone().requiresGrad_() : value));
        return grad(form(...(leaves as [Tensor, Tensor])).sum(), [leaves[index] as Tensor])[0] as Tensor;
      };
      const both = [x, w].map((value) => value.clone().requiresGrad_()) as [Tensor, Tensor];
      const together = grad(form(...both).sum(), both);
      for (const index of [0, 1]) expect(bits(alone(index))).toEqual(bits(together[index] as Tensor));
    }
  });
});

test("odd sizes in Winograd's form, other kernels, unknown forms and a second derivative are refused in one line", () => {
  scope(() => {
    const random = new RandomGenerator(4);
    const image = (...shape: number[]) => randn(shape, random);
    const [kernel, odd] = [image(4, 3, 3, 3), image(1, 3, 5, 4)];
    expect(taps(odd, kernel).shape).toEqual([1, 4, 5, 4]);
    for (const form of [
      mixed("winograd", "direct", "taps"),
      mixed("direct", "winograd", "taps"),
      mixed("direct", "direct", "winograd"),
    ]) {
      expect(() => form(odd, kernel)).toThrow(
        /^[^\n]*mixed_convolution: expected an image of even height and width and a kernel[^\n]*$/,
      );
    }
    const sizes = /^[^\n]*mixed_convolution: expected an image and a kernel \[out, in, 3, 3\] of one dtype[^\n]*$/;
    expect(() => taps(odd, image(4, 3, 1, 1))).toThrow(sizes);
    expect(() => taps(odd, image(4, 2, 3, 3))).toThrow(sizes);
    expect(() => taps(odd, kernel.to("bfloat16"))).toThrow(sizes);
    const named = operator<[Tensor, Tensor, string, string, string], Tensor>("pioneer::mixed_convolution");
    expect(() => named(odd, kernel, "taps", "direct", "direct")).toThrow(
      /^[^\n]*mixed_convolution: expected a form, direct or winograd, got taps[^\n]*$/,
    );
    expect(() => named(odd, kernel, "direct", "direct", "fft")).toThrow(
      /^[^\n]*mixed_convolution: expected a form, direct or winograd or taps, got fft[^\n]*$/,
    );
    const x = image(1, 3, 4, 4).requiresGrad_();
    expect(() => grad(taps(x, kernel).square().sum(), [x], { createGraph: true })).toThrow(
      /^[^\n]*mixed_convolution has no second derivative[^\n]*$/,
    );
  });
});

describe("convolution3x3", () => {
  afterEach(() => setConvolutions(() => "direct"));

  test("takes the forms that are chosen; taps stands for direct passes beside it", () => {
    scope(() => {
      const random = new RandomGenerator(0);
      const [x, w] = [randn([1, 8, 4, 4], random), randn([8, 8, 3, 3], random)];
      const named = () => {
        const { calls } = recordOperators(() => convolution3x3(x, w));
        return calls.find(({ name }) => name === "pioneer::mixed_convolution")?.inputs.slice(2);
      };
      setConvolutions(() => "taps");
      expect(named()).toEqual(["direct", "direct", "taps"]);
      setConvolutions(() => ({ forward: "winograd", toData: "direct", toWeights: "winograd" }));
      expect(named()).toEqual(["winograd", "direct", "winograd"]);
      setConvolutions(() => "direct");
      expect(named()).toBeUndefined();
    });
  });
});
