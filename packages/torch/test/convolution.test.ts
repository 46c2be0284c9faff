// Winograd's convolution against libtorch's in float64, values and gradients; and when convolution3x3 takes which.
import { afterEach, describe, expect, test } from "vitest";
import {
  type ConvolutionLayer,
  conv2d,
  convolution3x3,
  type DType,
  formOf,
  grad,
  noGrad,
  RandomGenerator,
  randn,
  recordOperators,
  scope,
  setConvolutions,
  type Tensor,
  upsampledWinogradConvolution,
  upsampleNearest,
  winogradConvolution,
} from "../src/index.ts";
import { apart } from "./support/close.ts";

type Shape = readonly [batch: number, into: number, out: number, height: number, width: number];

interface Way {
  readonly name: string;
  /** Of the result, relative to x. */
  readonly scale: number;
  readonly winograd: (x: Tensor, w: Tensor) => Tensor;
  readonly composed: (x: Tensor, w: Tensor) => Tensor;
}

const ways: Way[] = [
  { name: "plain", scale: 1, winograd: winogradConvolution, composed: (x, w) => conv2d(x, w, null, 1) },
  {
    name: "upsampled",
    scale: 2,
    winograd: upsampledWinogradConvolution,
    composed: (x, w) => conv2d(upsampleNearest(x), w, null, 1),
  },
];

/** Value and both gradients, of numbers that `dtype` can hold, one way and in float64 the other. */
function errors({ scale, winograd, composed }: Way, [batch, into, out, height, width]: Shape, dtype: DType): number[] {
  return scope(() => {
    const random = new RandomGenerator(batch);
    const [x, w, dy] = [
      [batch, into, height, width],
      [out, into, 3, 3],
      [batch, out, scale * height, scale * width],
    ].map((shape) => randn(shape, random).to(dtype)) as [Tensor, Tensor, Tensor];
    const outcome = (convolution: (x: Tensor, w: Tensor) => Tensor, of: DType) => {
      const leaves = [x, w].map((value) => value.to(of).detach().clone().requiresGrad_()) as [Tensor, Tensor];
      const y = convolution(...leaves);
      expect(y.shape).toEqual(dy.shape);
      return [y.detach(), ...grad(y, leaves, { gradOutputs: [dy.to(of)] })];
    };
    const expected = outcome(composed, "float64");
    return outcome(winograd, dtype).map((got, i) => apart(got, expected[i] as Tensor));
  });
}

// Channels that 16 does not divide go by libtorch's products: odd ones leave a rest behind every vector register; 2 x 2 pixels are
// one tile, all of its border outside; 5 images of 64 x 64 with 256 channels are a group of 2, of 2 and of 1, in bfloat16 of 4 and of
// 1. The others go by blocks, where the processor has products for them: 429 tiles are 8 blocks and a rest, and two groups, the
// second of them odd; 48 and 96 channels are panels that are not full; 128 and 320 are several.
const shapes: Shape[] = [
  [2, 48, 40, 6, 10],
  [30, 33, 17, 2, 2],
  [5, 256, 17, 64, 64],
  [3, 48, 96, 26, 22],
  [2, 128, 128, 4, 4],
  [1, 256, 320, 8, 8],
];

/**
 * What float32 may err by, where products are sums of `terms` numbers. A rounding errs by 2^-24 / sqrt(3) in the mean; a sum of n
 * terms, one after the other, by sqrt(n / 2) of them; ten more come with the factors and tiles around the products. Of independent
 * numbers, tiles are made of products with 25/9 of the variance that is left: what they err by is left whole.
 */
const float32Error = (terms: number) => (5 / 3) * Math.sqrt(terms / 2 + 10) * (2 ** -24 / Math.sqrt(3));

describe.each(ways)("Winograd's $name convolution", (way) => {
  test.each(shapes)("of %d images, %d to %d channels, %d x %d pixels: float32 to rounding", (...shape) => {
    const [batch, into, out, height, width] = shape;
    const tiles = (batch * height * width * way.scale ** 2) / 4;
    const [value, toData, toWeight] = errors(way, shape, "float32") as [number, number, number];
    expect(value).toBeLessThan(float32Error(into));
    expect(toData).toBeLessThan(float32Error(out));
    // A sum over thousands of tiles is one of shorter sums.
    expect(toWeight).toBeLessThan(Math.min(float32Error(tiles), 40 * 2 ** -24));
  });

  // The same with 2^-9 on average 0.58 of it: factors of x and w and products each 1.75 times that, the result once.
  test.each(shapes)("of %d images, %d to %d channels, %d x %d pixels: bfloat16 to three roundings", (...shape) => {
    for (const error of errors(way, shape, "bfloat16")) expect(error).toBeLessThan(4 * 2 ** -9);
  });
});

test("an upsampled image may be of odd size", () => {
  for (const error of errors(ways[1] as Way, [2, 8, 8, 3, 5], "float32")) expect(error).toBeLessThan(40 * 2 ** -24);
});

describe("Winograd's convolution", () => {
  test("row-major tensors and one gradient alone give the same numbers", () => {
    scope(() => {
      const random = new RandomGenerator(1);
      const x = randn([2, 9, 4, 6], random);
      const w = randn([5, 9, 3, 3], random);
      const both = [x.clone().requiresGrad_(), w.clone().requiresGrad_()] as [Tensor, Tensor];
      const y = winogradConvolution(...both);
      const [dx, dw] = grad(y.sum(), both) as [Tensor, Tensor];
      expect(apart(winogradConvolution(x.contiguous("channelsLast"), w), y.detach().to("float64"))).toBe(0);
      const xAlone = x.clone().requiresGrad_();
      const wAlone = w.clone().requiresGrad_();
      const [dxAlone] = grad(winogradConvolution(xAlone, w).sum(), [xAlone]) as [Tensor];
      const [dwAlone] = grad(winogradConvolution(x, wAlone).sum(), [wAlone]) as [Tensor];
      expect([apart(dxAlone, dx.to("float64")), apart(dwAlone, dw.to("float64"))]).toEqual([0, 0]);
    });
  });

  test("NaN and infinity come through", () => {
    scope(() => {
      const x = noGrad(() => randn([1, 16, 2, 2], new RandomGenerator(2)).mul(0));
      const w = randn([16, 16, 3, 3], new RandomGenerator(3));
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(winogradConvolution(x.add(value), w).isFinite().to("float32").sum().item()).toBe(0);
      }
    });
  });

  test("odd sizes, other kernels, float64 and a second derivative are refused in one line", () => {
    scope(() => {
      const random = new RandomGenerator(4);
      const image = (...shape: number[]) => randn(shape, random);
      const kernel = image(4, 3, 3, 3);
      const sizes = /^[^\n]*winograd_convolution: expected an image of even height and width and a kernel[^\n]*$/;
      expect(() => winogradConvolution(image(1, 3, 5, 4), kernel)).toThrow(sizes);
      expect(() => winogradConvolution(image(1, 2, 4, 4), kernel)).toThrow(sizes);
      expect(() => winogradConvolution(image(1, 3, 4, 4), image(4, 3, 1, 1))).toThrow(sizes);
      expect(() => winogradConvolution(image(1, 3, 4, 4), kernel.to("bfloat16"))).toThrow(sizes);
      expect(() => winogradConvolution(image(1, 3, 4, 4).to("float64"), kernel.to("float64"))).toThrow(
        /^[^\n]*expected float32 or bfloat16[^\n]*$/,
      );
      const x = image(1, 3, 4, 4).requiresGrad_();
      expect(() => grad(winogradConvolution(x, kernel).square().sum(), [x], { createGraph: true })).toThrow(
        /^[^\n]*winograd_convolution has no second derivative[^\n]*$/,
      );
    });
  });
});

describe("convolution3x3", () => {
  afterEach(() => setConvolutions(() => "direct"));

  const isWinograd = (into: number, out: number, side: number, dtype: DType = "float32") => {
    const { calls } = recordOperators(() =>
      scope(() => {
        const random = new RandomGenerator(0);
        convolution3x3(randn([1, into, side, side], random).to(dtype), randn([out, into, 3, 3], random).to(dtype));
      }),
    );
    return calls.some(({ name }) => name === "pioneer::winograd_convolution");
  };

  test("is libtorch's at first, then takes the form that is chosen for its size", () => {
    expect(isWinograd(8, 6, 4)).toBe(false);
    const asked: ConvolutionLayer[] = [];
    setConvolutions((layer) => {
      asked.push(layer);
      return layer.side === 4 ? "winograd" : "direct";
    });
    expect(isWinograd(8, 6, 4)).toBe(true);
    expect(isWinograd(8, 6, 2)).toBe(false);
    expect(asked).toEqual([4, 2].map((side) => ({ into: 8, out: 6, side, enlarging: false })));
  });

  test("is direct where there is no other form: odd sizes, float64, a GPU", () => {
    setConvolutions(() => "winograd");
    expect(isWinograd(8, 8, 4, "bfloat16")).toBe(true);
    expect(isWinograd(8, 8, 5)).toBe(false);
    expect(isWinograd(8, 8, 4, "float64")).toBe(false);
    expect(formOf("cuda", "bfloat16", { into: 512, out: 512, side: 4, enlarging: false })).toBe("direct");
  });
});
