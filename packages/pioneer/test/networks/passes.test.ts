// Every fused pass against the same of ATen operators in float64, values and gradients.
import {
  conv2d,
  type DType,
  dtypeCode,
  empty,
  getThreads,
  grad,
  noGrad,
  operator,
  scope,
  setThreads,
  type Tensor,
  tensor,
} from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { expectClose, f64, values } from "../../../torch/test/support/close.ts";
import { expectGradients, normal } from "../../../torch/test/support/differences.ts";
import { passesFor } from "../../src/networks/choose-passes.ts";
import { composed } from "../../src/networks/composed.ts";
import { fused } from "../../src/networks/fused.ts";
import type { Passes } from "../../src/networks/passes.ts";

// Test files run side by side, and tensors this small are quickest on one thread; some tests below set more.
setThreads(1);

const rsqrt = operator<[Tensor], Tensor>("aten::rsqrt");

/** Unit roundoffs: half the distance of neighbours above 1. float32 has 24 significant bits, bfloat16 8. */
const u32 = 2 ** -24;
const u16 = 2 ** -8;

type Shape = readonly number[];
const channelsOf = (shape: Shape) => shape[1] as number;
const pixelsOf = (shape: Shape) => shape.reduce((product, length) => product * length, 1) / channelsOf(shape);

/** What a pass reads: an activation, in the dtype of the test, or a parameter, always float32. */
interface Input {
  readonly numbers: Tensor;
  readonly kind: "activation" | "parameter";
}
const activation = (seed: number, shape: Shape): Input => ({ numbers: normal(seed, shape), kind: "activation" });
const parameter = (seed: number, shape: Shape): Input => ({ numbers: normal(seed, shape), kind: "parameter" });

type Pass = (passes: Passes, inputs: readonly Tensor[], dtype: DType) => Tensor;

/** Value and gradients by every input. */
function outcome(pass: (inputs: readonly Tensor[]) => Tensor, inputs: readonly Tensor[], dy?: Tensor): Tensor[] {
  const leaves = inputs.map((input) => input.detach().requiresGrad_());
  const y = pass(leaves);
  const gradOutputs = [(dy ?? normal(9, y.shape)).to(y.dtype)];
  return [y.detach(), ...grad(y, leaves, { gradOutputs })];
}

/** Memory that the next tensors of these sizes will probably be given, full of NaN: whatever is not written shows. */
function poison(lengths: readonly number[]): void {
  scope(() => {
    for (const length of lengths) for (let i = 0; i < 4; i++) empty([length]).fill_(Number.NaN);
  });
}

/** Largest of |got - expected| / size, element by element; an element of size 0 must be exact. */
function worst(got: Tensor, expected: Tensor, size: Tensor): number {
  return scope(() => {
    const [a, b, s] = [values(got.to("float64")), values(expected), values(size)] as const;
    expect(got.shape).toEqual(expected.shape);
    return a.reduce((most, value, i) => {
      const difference = Math.abs(value - (b[i] as number));
      const error = difference === 0 ? 0 : difference / (s[i] as number);
      return Math.max(most, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    }, 0);
  });
}

/**
 * Runs a pass both ways on numbers that `dtype` holds.
 * @param sizes  of the sums that make the value and each gradient, taken of absolute values: what rounding is relative to
 * @returns the worst error of the value and of each gradient, relative to its size
 */
function errorsOf(
  pass: Pass,
  inputs: readonly Input[],
  dtype: "float32" | "bfloat16",
  sizes = sizesOf(pass),
): number[] {
  return scope(() => {
    const dtypeOf = (input: Input): DType => (input.kind === "activation" ? dtype : "float32");
    const lying = inputs.map((input) => input.numbers.to(dtypeOf(input)));
    const exact = lying.map((input) => input.to("float64"));
    const shape = scope(() => pass(composed, exact, "float64").shape);
    const dy = normal(9, shape).to(dtype).to("float64");
    const expected = outcome((leaves) => pass(composed, leaves, "float64"), exact, dy);
    poison(expected.map(({ length }) => (dtype === "float32" ? length : Math.ceil(length / 2))));
    const got = outcome((leaves) => pass(fused, leaves, dtype), lying, dy);
    expect(got.map((tensor) => tensor.dtype)).toEqual([dtype, ...inputs.map(dtypeOf)]);
    const allowed = sizes(exact, dy);
    return got.map((tensor, i) => worst(tensor, expected[i] as Tensor, allowed[i] as Tensor));
  });
}

/** Of a pass that is linear, or linear but for LeakyReLU: the pass itself on absolute values. */
const sizesOf = (pass: Pass) => (inputs: readonly Tensor[], dy: Tensor) =>
  outcome(
    (leaves) => pass(composed, leaves, "float64"),
    inputs.map((input) => input.abs()),
    dy.abs(),
  );

// Odd channel counts around the width of vector registers, odd batches, images that are not square, a single pixel, more
// pixels than one piece (512), rows without pixels.
const shapes: [Shape][] = [
  [[3, 1, 3, 5]],
  [[1, 5, 1, 1]],
  [[3, 17, 31, 9]],
  [[5, 33, 5, 7]],
  [[1, 130, 4, 2]],
  [[3, 512, 2, 3]],
  [[2, 16, 4, 4]],
  [[2, 5, 24, 24]],
  [[7, 19]],
  [[600, 8]],
];

describe("pixelNormLeakyRelu, by hand", () => {
  const { pixelNormLeakyRelu } = composed;

  test("divides a pixel's channels by their root mean square, then activates", () => {
    // Channels (3, -4): mean square 12.5. The norm sees -4; the activation comes after it.
    const rms = Math.sqrt(12.5 + 1e-8);
    expectClose(pixelNormLeakyRelu(f64([3, -4], [1, 2, 1, 1]), f64([0, 0])), [3 / rms, (0.2 * -4) / rms], 1e-15);
  });

  test("the bias of each channel is added before", () => {
    const rms = Math.sqrt((16 + 25) / 2 + 1e-8);
    expectClose(pixelNormLeakyRelu(f64([3, -4], [1, 2, 1, 1]), f64([1, -1])), [4 / rms, (0.2 * -5) / rms], 1e-15);
  });

  test("each pixel has its own norm", () => {
    const x = f64([1, 10, 1, 10], [1, 2, 1, 2]); // channel by channel: pixels (1, 1) and (10, 10)
    expectClose(pixelNormLeakyRelu(x, f64([0, 0])), [1, 1, 1, 1], 1e-8); // the epsilon: 0.5e-8 of the pixel of 1s
  });

  test("a black pixel stays black, both ways", () => {
    const [x, bias] = [f64([0, 0], [1, 2, 1, 1]), f64([0, 0])];
    expectClose(pixelNormLeakyRelu(x, bias), [0, 0], 0);
    const [y, dx] = outcome(
      ([h, b]) => fused.pixelNormLeakyRelu(h as Tensor, b as Tensor),
      [x.to("float32"), bias.to("float32")],
    );
    expectClose(y as Tensor, [0, 0], 0);
    expect((dx as Tensor).isFinite().all().item()).toBe(1);
  });
});

test("biasedLeakyRelu and pooledLeakyRelu, by hand", () => {
  expectClose(composed.biasedLeakyRelu(f64([1, -3, 0.5, 0], [2, 2]), f64([-2, 4])), [-0.2, 1, -0.3, 4], 1e-15);
  // (2, -1, 4, -6) + 1: 3, 0, 5 and -5, whose fifth counts.
  expectClose(composed.pooledLeakyRelu(f64([2, -1, 4, -6], [1, 1, 2, 2]), f64([1])), [(3 + 0 + 5 - 1) / 4], 1e-15);
});

test("only the CPU's float32 and bfloat16 take the fused passes", () => {
  const weight = normal(1, [1]);
  expect(["fp32", "bf16", "fp64"].map((precision) => passesFor(precision as "fp32", weight) === fused)).toEqual([
    true,
    true,
    false,
  ]);
});

/** Pixel (2i + a, 2j + b) of channel k comes from pixel (i + a, j + b) of channel (2a + b) c + k: one by one. */
function interleaved(x: Tensor): Tensor {
  const [batch, wide, high, across] = x.shape as [number, number, number, number];
  const [c, height, width] = [wide / 4, 2 * (high - 1), 2 * (across - 1)];
  const from = new BigInt64Array(batch * c * height * width);
  let at = 0;
  for (let image = 0; image < batch; image++) {
    for (let k = 0; k < c; k++) {
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          const [a, b] = [row % 2, column % 2];
          const channel = (2 * a + b) * c + k;
          const pixel = ((row - a) / 2 + a) * across + (column - b) / 2 + b;
          from[at++] = BigInt((image * wide + channel) * high * across + pixel);
        }
      }
    }
  }
  return x.reshape([-1]).indexSelect(0, tensor(from)).reshape([batch, c, height, width]);
}

/** Rounding of PixelNorm is relative to s (|x| + |bias|), that of its gradient to s (|dy| + |n| mean |dy n|). */
function pixelNormSizes(lay: (x: Tensor) => Tensor) {
  return ([x, bias]: readonly Tensor[], dy: Tensor): Tensor[] => {
    const leaf = (x as Tensor).detach().requiresGrad_();
    const laid = lay(leaf);
    const flat = laid.detach();
    const b = (bias as Tensor).reshape(flat.shape.length === 4 ? [-1, 1, 1] : [-1]);
    const h = flat.add(b);
    const s = rsqrt(h.square().mean([1], true).add(1e-8));
    const n = h.mul(s).abs();
    const dxLaid = n
      .mul(dy.abs().mul(n).mean([1], true))
      .add(dy.abs())
      .mul(s);
    const [dx] = grad(laid, [leaf], { gradOutputs: [dxLaid] });
    const db = dxLaid
      .transpose(0, 1)
      .reshape([flat.size(1), -1])
      .sum([1]);
    return [flat.abs().add(b.abs()).mul(s), dx as Tensor, db];
  };
}

const upsampledShapes: [Shape][] = [
  [[3, 4, 2, 2]],
  [[1, 4, 3, 4]],
  [[3, 20, 4, 3]],
  [[5, 68, 3, 6]],
  [[1, 132, 13, 22]],
  [[3, 520, 2, 3]],
  [[1, 2048, 3, 2]],
  [[1, 8, 2, 301]], // rows wider than a piece
];

describe.each([
  ["pixelNormLeakyRelu", shapes, (shape: Shape) => channelsOf(shape), (x: Tensor) => x],
  ["upsampledPixelNormLeakyRelu", upsampledShapes, (shape: Shape) => channelsOf(shape) / 4, interleaved],
] as const)("%s", (name, given, channels, lay) => {
  const pass: Pass = (passes, [x, bias]) => passes[name](x as Tensor, bias as Tensor);
  const inputsOf = (shape: Shape) => [activation(5, shape), parameter(6, [channels(shape)])];

  test("composed of operators, its gradients are those of finite differences", () => {
    const run = (x: Tensor, bias: Tensor) => composed[name](x, bias);
    expectGradients(run, [normal(1, name === "pixelNormLeakyRelu" ? [2, 3, 2, 2] : [2, 12, 2, 3]), normal(2, [3])]);
    if (name === "pixelNormLeakyRelu") expectGradients(run, [normal(3, [4, 3]), normal(4, [3])]);
  });

  test("composed of operators, it puts every pixel where it belongs", () => {
    const [x, bias] = [normal(7, [3, 20, 3, 4]), normal(8, [name === "pixelNormLeakyRelu" ? 20 : 5])];
    expectClose(composed[name](x, bias), values(composed.pixelNormLeakyRelu(lay(x), bias)), 0);
  });

  test.each(given)("float32 %j to rounding", (shape) => {
    const [value, dx, db] = errorsOf(pass, inputsOf(shape), "float32", pixelNormSizes(lay)) as [number, number, number];
    // Some 16 roundings to a number, and those of a sum over channels, whose signs are random; the bias sums over pixels.
    const allowed = (16 + Math.sqrt(channels(shape))) * u32;
    expect(value).toBeLessThan(allowed);
    expect(dx).toBeLessThan(allowed);
    expect(db).toBeLessThan(allowed + Math.sqrt(4 * pixelsOf(shape)) * u32);
  });

  test.each(given)("bfloat16 %j: one rounding forward, three back", (shape) => {
    const inputs = inputsOf(shape);
    const [value, dx, db] = errorsOf(pass, inputs, "bfloat16", pixelNormSizes(lay)) as [number, number, number];
    // The way back sees the rounded output twice, as n and in the mean, and rounds what it gives; the bias's does not.
    expect(value).toBeLessThan(1.01 * u16);
    expect(dx).toBeLessThan(3.03 * u16);
    expect(db).toBeLessThan(3.03 * u16);
  });
});

test.each(upsampledShapes)("upsampledPixelNormLeakyRelu %j: pixels that nobody reads have the gradient 0", (shape) => {
  for (const dtype of ["float32", "bfloat16"] as const) {
    scope(() => {
      const leaf = normal(1, shape).requiresGrad_();
      const laid = interleaved(leaf);
      const [read] = grad(laid, [leaf], { gradOutputs: [laid.detach().mul(0).add(1)] }) as [Tensor];
      const [x, bias] = [leaf.detach().to(dtype), normal(2, [channelsOf(shape) / 4]).to("float32")];
      const y = fused.upsampledPixelNormLeakyRelu(x.requiresGrad_(), bias);
      const dy = normal(3, y.shape).to(dtype);
      poison([dtype === "float32" ? x.length : Math.ceil(x.length / 2)]);
      const [dx] = grad(y, [x], { gradOutputs: [dy] }) as [Tensor];
      const gradients = values(dx.to("float64"));
      const unread = values(read).flatMap((count, i) => (count === 0 ? [gradients[i]] : []));
      // Each of the four phases leaves one row and one column out: h + w + 1 of (h + 1)(w + 1) pixels.
      expect(unread.length / x.length).toBeCloseTo(
        1 - (((shape[2] as number) - 1) * ((shape[3] as number) - 1)) / ((shape[2] as number) * (shape[3] as number)),
        12,
      );
      expect(unread.filter((value) => value !== 0)).toEqual([]);
    });
  }
});

describe("biasedLeakyRelu", () => {
  const pass: Pass = (passes, [x, bias]) => passes.biasedLeakyRelu(x as Tensor, bias as Tensor);

  test("composed of operators, its gradients are those of finite differences", () => {
    expectGradients(composed.biasedLeakyRelu, [normal(1, [2, 3, 2, 2]), normal(2, [3])]);
    expectGradients(composed.biasedLeakyRelu, [normal(3, [4, 3]), normal(4, [3])]);
  });

  test.each(shapes)("float32 and bfloat16 %j to rounding", (shape) => {
    const inputs = [activation(5, shape), parameter(6, [channelsOf(shape)])];
    // The sum, the slope, the product; the sum of the bias's gradient over pixels, in float32 in either format.
    const summed = (3 + Math.sqrt(pixelsOf(shape))) * u32;
    const [value, dx, db] = errorsOf(pass, inputs, "float32") as [number, number, number];
    expect(value).toBeLessThan(3.01 * u32);
    expect(dx).toBeLessThan(3.01 * u32);
    expect(db).toBeLessThan(summed);
    const [value16, dx16, db16] = errorsOf(pass, inputs, "bfloat16") as [number, number, number];
    expect(value16).toBeLessThan(1.01 * u16);
    expect(dx16).toBeLessThan(1.01 * u16);
    expect(db16).toBeLessThan(summed);
  });
});

describe("pooledLeakyRelu", () => {
  const pass: Pass = (passes, [x, bias]) => passes.pooledLeakyRelu(x as Tensor, bias as Tensor);

  test("composed of operators, its gradients are those of finite differences", () => {
    expectGradients(composed.pooledLeakyRelu, [normal(1, [2, 3, 4, 2]), normal(2, [3])]);
  });

  test.each([
    [[1, 1, 2, 2]],
    [[3, 1, 6, 4]],
    [[3, 5, 4, 6]],
    [[1, 17, 32, 48]],
    [[5, 33, 2, 10]],
    [[3, 130, 6, 2]],
    [[1, 512, 2, 4]],
    [[1, 2, 4, 602]], // rows wider than a piece
  ])("float32 and bfloat16 %j to rounding", (shape) => {
    const inputs = [activation(5, shape), parameter(6, [channelsOf(shape)])];
    // Bias, slope, three sums; all else as above.
    const summed = (5 + Math.sqrt(pixelsOf(shape))) * u32;
    const [value, dx, db] = errorsOf(pass, inputs, "float32") as [number, number, number];
    expect(value).toBeLessThan(6 * u32);
    expect(dx).toBeLessThan(3.01 * u32);
    expect(db).toBeLessThan(summed);
    const [value16, dx16, db16] = errorsOf(pass, inputs, "bfloat16") as [number, number, number];
    expect(value16).toBeLessThan(1.01 * u16);
    expect(dx16).toBeLessThan(1.01 * u16);
    expect(db16).toBeLessThan(summed);
  });

  test("an odd height or width, and rows without pixels, are refused in one line", () => {
    const bias = normal(2, [3]).to("float32");
    for (const [height, width] of [
      [3, 4],
      [4, 3],
    ] as const) {
      const x = normal(1, [2, 3, height, width]).to("float32");
      expect(() => fused.pooledLeakyRelu(x, bias)).toThrow(
        /^pioneer::bias_lrelu_pool: .*expected an even height and width, got \[2, 3, \d, \d\][^\n]*$/,
      );
    }
    expect(() => fused.pooledLeakyRelu(normal(1, [2, 3]).to("float32"), bias)).toThrow(/expected \[batch, C, h, w\]/);
  });
});

describe.each([0, 0.3, 1])("fade at alpha %f", (alpha) => {
  const pass: Pass = (passes, [before, now]) => passes.fade(before as Tensor, now as Tensor, alpha);

  /** Forward it is before + alpha (now - before): rounding is relative to these, also where they cancel. */
  const sizes = ([before, now]: readonly Tensor[], dy: Tensor): Tensor[] => {
    const [from, to] = [(before as Tensor).abs(), (now as Tensor).abs()];
    const [value, ...gradients] = sizesOf(pass)([from, to], dy) as [Tensor];
    const [start] = outcome(([b, n]) => composed.fade(b as Tensor, n as Tensor, 0), [from, to], dy) as [Tensor];
    return [value.add(start.mul(2 * alpha)), ...gradients];
  };

  test.each([
    [[3, 1, 3, 5]],
    [[1, 3, 1, 1]],
    [[3, 17, 31, 9]],
    [[1, 130, 40, 22]], // more than one piece (65536 numbers)
  ])("of one size %j", (shape) => {
    const inputs = [activation(1, shape), activation(2, shape)];
    // Forward a difference, alpha, a product and a sum; back one product.
    for (const error of errorsOf(pass, inputs, "float32", sizes)) expect(error).toBeLessThan(4.1 * u32);
    const [value, ...gradients] = errorsOf(pass, inputs, "bfloat16", sizes) as [number];
    expect(value).toBeLessThan(1.01 * u16);
    for (const error of gradients) expect(error).toBeLessThan(2.02 * u16); // libtorch rounds the factor, too
  });

  test.each([[[1, 3, 1, 1]], [[3, 5, 1, 1]], [[3, 1, 3, 5]], [[5, 33, 2, 7]]])(
    "with a `before` of half the size %j",
    (shape) => {
      const [batch, c, h, w] = shape as [number, number, number, number];
      const inputs = [activation(1, shape), activation(2, [batch, c, 2 * h, 2 * w])];
      // The gradient of `before` is a mean of four, then its multiple.
      for (const error of errorsOf(pass, inputs, "float32", sizes)) expect(error).toBeLessThan(6 * u32);
      const [value, ...gradients] = errorsOf(pass, inputs, "bfloat16", sizes) as [number];
      expect(value).toBeLessThan(1.01 * u16);
      for (const error of gradients) expect(error).toBeLessThan(3.03 * u16);
    },
  );

  test("composed of operators, its gradients are those of finite differences", () => {
    const run = (before: Tensor, now: Tensor) => composed.fade(before, now, alpha);
    expectGradients(run, [normal(1, [2, 3, 2, 3]), normal(2, [2, 3, 2, 3])]);
    expectGradients(run, [normal(1, [2, 3, 2, 3]), normal(2, [2, 3, 4, 6])]);
  });
});

test("fade refuses pictures that are neither of one size nor of half", () => {
  const [before, now] = [normal(1, [2, 3, 2, 2]).to("float32"), normal(2, [2, 3, 6, 6]).to("float32")];
  for (const passes of [fused, composed]) expect(() => passes.fade(before, now, 0.5)).toThrow(/\S/);
  expect(() => fused.fade(normal(1, [2, 4, 6, 6]).to("float32"), now, 0.5)).toThrow(/expected two of one shape/);
});

describe("prepared weights", () => {
  const scale = 0.37;
  const kernels: [Shape][] = [[[1, 1, 3, 3]], [[5, 3, 3, 3]], [[3, 33, 3, 3]], [[33, 130, 3, 3]], [[17, 512, 3, 3]]];
  const scaled: Pass = (passes, [w], dtype) => passes.scaled(w as Tensor, scale, dtype);
  const folded: Pass = (passes, [w], dtype) => passes.upsampledKernel(w as Tensor, scale, dtype);

  test.each([...kernels, [[3, 5, 4, 4]], [[7, 3, 1, 1]]] as [Shape][])("scaled %j", (shape) => {
    const inputs = [parameter(1, shape)];
    // The product, and that of the scale's own rounding, there and back.
    for (const error of errorsOf(scaled, inputs, "float32")) expect(error).toBeLessThan(2.01 * u32);
    const [value, dw] = errorsOf(scaled, inputs, "bfloat16") as [number, number];
    expect(value).toBeLessThan(1.01 * u16);
    expect(dw).toBeLessThan(2.01 * u32); // the gradient of a parameter is float32
  });

  test.each(kernels)("upsampledKernel %j", (shape) => {
    const inputs = [parameter(1, shape)];
    // Three sums at most, and the scale.
    for (const error of errorsOf(folded, inputs, "float32")) expect(error).toBeLessThan(6 * u32);
    const [value, dw] = errorsOf(folded, inputs, "bfloat16") as [number, number];
    expect(value).toBeLessThan(1.01 * u16);
    expect(dw).toBeLessThan(6 * u32);
  });

  test("upsampledKernel, by hand: which taps of a row the four kernels sum", () => {
    // Taps 1 10 100 in a row, rows times 1, 1000, 1000000: every sum of taps is another number.
    const row = [1, 10, 100];
    const kernel = f64([...row, ...row.map((tap) => 1e3 * tap), ...row.map((tap) => 1e6 * tap)], [1, 1, 3, 3]);
    const along = [
      [1, 110],
      [11, 100],
    ] as const;
    const down = [
      [1, 1001000],
      [1001, 1000000],
    ] as const;
    const expected = [0, 1].flatMap((a) =>
      [0, 1].flatMap((b) => [0, 1].flatMap((y) => [0, 1].map((x) => (down[a]?.[y] ?? 0) * (along[b]?.[x] ?? 0)))),
    );
    for (const passes of [fused, composed]) {
      const dtype = passes === fused ? "float32" : "float64";
      const got = passes.upsampledKernel(kernel.to(dtype), 1, dtype);
      expect(got.shape).toEqual([4, 1, 2, 2]);
      expectClose(got, expected, passes === fused ? 110110000 * 4 * u32 : 0);
    }
  });

  test("their layout is channels last, whatever the parameter's is", () => {
    const w = normal(1, [4, 5, 3, 3]).to("float32");
    for (const name of ["scaled", "upsampledKernel"] as const) {
      for (const lying of [w, w.contiguous("channelsLast")]) {
        const copy = fused[name](lying, scale, "float32");
        // Channels last: with the channels moved back it is row-major, so flattening it shows the same memory.
        const memory = copy.permute([0, 2, 3, 1]).reshape([-1]);
        noGrad(() => memory.detach().fill_(7));
        expect(new Set(values(copy)), name).toEqual(new Set([7]));
      }
    }
  });

  test("composed of operators, their gradients are those of finite differences", () => {
    for (const name of ["scaled", "upsampledKernel"] as const) {
      expectGradients((w) => composed[name](w, scale, "float64"), [normal(1, [2, 3, 3, 3])]);
    }
  });
});

describe("upsampledConvolution", () => {
  const pass: Pass = (passes, [x, kernel]) => passes.upsampledConvolution(x as Tensor, kernel as Tensor);

  test.each([
    [[1, 1, 1, 1], 1],
    [[3, 5, 3, 5], 3],
    [[1, 33, 1, 4], 17],
    [[3, 130, 4, 2], 5],
    [[3, 3, 17, 13], 33],
  ] as [Shape, number][])("%j to %i channels", (shape, out) => {
    const inputs = [activation(1, shape), activation(2, [4 * out, channelsOf(shape), 2, 2])];
    // Sums of 4c products, of 16 out, and of as many as there are pixels; random signs.
    const terms = Math.max(4 * channelsOf(shape), 16 * out, 4 * pixelsOf(shape));
    for (const error of errorsOf(pass, inputs, "float32")) expect(error).toBeLessThan((4 + Math.sqrt(terms)) * u32);
    for (const error of errorsOf(pass, inputs, "bfloat16")) expect(error).toBeLessThan(1.1 * u16);
  });

  test("is conv2d padded by 1", () => {
    const [x, kernel] = [normal(1, [2, 3, 4, 5]), normal(2, [8, 3, 2, 2])];
    expectClose(composed.upsampledConvolution(x, kernel), values(conv2d(x, kernel, null, 1)), 0);
  });

  test("what needs no gradient gets none", () => {
    const [x, kernel] = [normal(1, [2, 3, 4, 5]).to("float32"), normal(2, [8, 3, 2, 2]).to("float32")];
    const both = outcome(([a, b]) => fused.upsampledConvolution(a as Tensor, b as Tensor), [x, kernel]);
    const dy = normal(9, [2, 8, 5, 6]).to("float32");
    const only = (a: Tensor, b: Tensor, by: Tensor) =>
      values(grad(fused.upsampledConvolution(a, b), [by], { gradOutputs: [dy] })[0] as Tensor);
    const [xLeaf, kernelLeaf] = [x.detach().requiresGrad_(), kernel.detach().requiresGrad_()];
    expect(only(xLeaf, kernel.detach(), xLeaf)).toEqual(values(both[1] as Tensor));
    expect(only(x.detach(), kernelLeaf, kernelLeaf)).toEqual(values(both[2] as Tensor));
  });
});

describe("spectralNorm", () => {
  const weights: [Shape][] = [
    [[1, 3, 3, 3]],
    [[5, 1, 3, 3]],
    [[17, 33, 3, 3]],
    [[130, 5, 4, 4]],
    [[33, 130, 1, 1]],
    [[3, 512, 4, 4]],
    [[512, 17, 3, 3]],
  ];
  const pass: Pass = (passes, [w, u], dtype) => {
    const constant = (u as Tensor).detach();
    return passes.spectralNorm(w as Tensor, constant, dtype).weight;
  };

  const relative = (got: Tensor, expected: Tensor) =>
    scope(() => got.to("float64").sub(expected).abs().max().item() / expected.abs().max().item());

  test.each(weights)("%j in both formats: weight, u and gradient", (shape) => {
    scope(() => {
      const u = normal(2, [shape[0] as number, 1]).to("float32");
      const w = normal(1, shape).to("float32");
      // Sums of as many products as a row or a column has, random signs; relative to the largest number.
      const terms = w.length / u.length + u.length;
      const allowed = (16 + Math.sqrt(terms)) * u32;
      for (const dtype of ["float32", "bfloat16"] as const) {
        const dy = normal(3, shape).to(dtype);
        const run = (passes: Passes, weight: Tensor, of: DType) =>
          outcome(([leaf]) => pass(passes, [leaf as Tensor, u.to(weight.dtype)], of), [weight], dy);
        const [y, dw] = run(fused, w, dtype) as [Tensor, Tensor];
        const [yExact, dwExact] = run(composed, w.to("float64"), "float64") as [Tensor, Tensor];
        expect([y.dtype, dw.dtype]).toEqual([dtype, "float32"]);
        expect(relative(y, yExact)).toBeLessThan(dtype === "float32" ? allowed : 1.01 * u16);
        // Its way back uses the parameter, not the rounded copy: float32 in either format.
        expect(relative(dw, dwExact)).toBeLessThan(allowed);
      }
      const next = fused.spectralNorm(w, u, "float32").u;
      expect(next.shape).toEqual([u.length, 1]);
      const exactly = composed.spectralNorm(w.to("float64"), u.to("float64"), "float64").u;
      expect(relative(next, exactly)).toBeLessThan(allowed);
    });
  });

  test("its gradient is that of finite differences of the composition", () => {
    for (const shape of [
      [3, 2, 3, 3],
      [4, 3, 4, 4],
      [5, 3, 1, 1],
    ]) {
      scope(() => {
        const [w, u] = [normal(1, shape), normal(2, [shape[0] as number, 1])];
        const dy = normal(3, shape).to("float32").to("float64");
        const total = (weight: Tensor) =>
          scope(() => composed.spectralNorm(weight, u, "float64").weight.mul(dy).sum().item());
        const numbers = w.view() as Float64Array;
        const expected = values(w).map((value, i) => {
          const h = 5e-6 * Math.max(1, Math.abs(value));
          numbers[i] = value + h;
          const above = total(w);
          numbers[i] = value - h;
          const below = total(w);
          numbers[i] = value;
          return (above - below) / (2 * h);
        });
        const leaf = w.to("float32").requiresGrad_();
        const y = fused.spectralNorm(leaf, u.to("float32"), "float32").weight;
        const [dw] = grad(y, [leaf], { gradOutputs: [dy.to("float32")] }) as [Tensor];
        // Float32: the weight itself is rounded too; sums of at most 48 products, 20 roundings in all of numbers up to
        // the largest. The differences err by 1e-9.
        expectClose(dw, expected, 40 * u32 * Math.max(...expected.map(Math.abs)));
      });
    }
  });

  test("the u that comes back has no gradient, and the one that went in is not written", () => {
    const w = normal(1, [4, 3, 3, 3]).to("float32").requiresGrad_();
    const u = normal(2, [4, 1]).to("float32");
    const before = values(u);
    const next = fused.spectralNorm(w, u, "float32").u;
    expect(next.requiresGrad).toBe(false);
    expect(values(u)).toEqual(before);
  });

  test("the layout of the weight changes nothing but rounding", () => {
    scope(() => {
      const [w, u] = [normal(1, [7, 5, 3, 3]).to("float32"), normal(2, [7, 1]).to("float32")];
      const run = (weight: Tensor) => outcome(([leaf]) => pass(fused, [leaf as Tensor, u], "float32"), [weight]);
      const rows = run(w);
      for (const [i, value] of run(w.contiguous("channelsLast")).entries()) {
        expect(relative(value, (rows[i] as Tensor).to("float64"))).toBeLessThan(16 * u32);
      }
    });
  });
});

/** Every fused pass on some numbers of one dtype, by its operator's name; more pixels than one piece. */
const everything: [
  string,
  (dtype: "float32" | "bfloat16") => { inputs: Tensor[]; pass: (inputs: readonly Tensor[]) => Tensor },
][] = [
  ["pixel_norm_lrelu", (dtype) => activated("pixelNormLeakyRelu", [8, 12, 16, 16], 12, dtype)],
  ["pixel_norm_lrelu", (dtype) => activated("upsampledPixelNormLeakyRelu", [8, 48, 9, 9], 12, dtype)],
  ["bias_lrelu", (dtype) => activated("biasedLeakyRelu", [8, 12, 16, 16], 12, dtype)],
  ["bias_lrelu_pool", (dtype) => activated("pooledLeakyRelu", [8, 12, 32, 32], 12, dtype)],
  [
    "fade",
    (dtype) => ({
      inputs: [normal(1, [8, 12, 16, 16]).to(dtype), normal(2, [8, 12, 32, 32]).to(dtype)],
      pass: ([before, now]) => fused.fade(before as Tensor, now as Tensor, 0.3),
    }),
  ],
  ["prepared", (dtype) => ofWeight((w) => fused.scaled(w, 0.3, dtype))],
  ["prepared", (dtype) => ofWeight((w) => fused.upsampledKernel(w, 0.3, dtype))],
  ["spectral_norm", (dtype) => ofWeight((w) => fused.spectralNorm(w, normal(3, [40, 1]).to("float32"), dtype).weight)],
  [
    "upsampled_convolution",
    (dtype) => ({
      inputs: [normal(1, [3, 5, 6, 6]).to(dtype), normal(2, [8, 5, 2, 2]).to(dtype)],
      pass: ([x, kernel]) => fused.upsampledConvolution(x as Tensor, kernel as Tensor),
    }),
  ],
];
type Activated = "pixelNormLeakyRelu" | "upsampledPixelNormLeakyRelu" | "biasedLeakyRelu" | "pooledLeakyRelu";
function activated(name: Activated, shape: Shape, channels: number, dtype: DType) {
  return {
    inputs: [normal(1, shape).to(dtype), normal(2, [channels]).to("float32")],
    pass: ([x, bias]: readonly Tensor[]) => fused[name](x as Tensor, bias as Tensor),
  };
}
function ofWeight(pass: (weight: Tensor) => Tensor) {
  return {
    inputs: [normal(1, [40, 50, 3, 3]).to("float32")],
    pass: ([weight]: readonly Tensor[]) => pass(weight as Tensor),
  };
}
const numbersOf = (tensors: readonly Tensor[]) => tensors.map((value) => value.toFloat32Array());

describe.each(everything)("%s", (name, make) => {
  describe.each(["float32", "bfloat16"] as const)("%s", (dtype) => {
    // What oneDNN and BLAS compute may depend on them.
    test.skipIf(/spectral|convolution/.test(name))("the number of threads changes nothing, to the bit", () => {
      const before = getThreads();
      const results = [1, 2, 3].map((threads) => {
        setThreads(threads);
        return scope(() => {
          const { inputs, pass } = make(dtype);
          return numbersOf(outcome(pass, inputs));
        });
      });
      setThreads(before);
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    });

    test.skipIf(/spectral|convolution/.test(name))("the layout in memory changes nothing but where things lie", () => {
      scope(() => {
        const { inputs, pass } = make(dtype);
        const lying = (format: "contiguous" | "channelsLast") =>
          inputs.map((input) => (input.shape.length === 4 ? input.contiguous(format) : input.clone()));
        expect(numbersOf(outcome(pass, lying("channelsLast")))).toEqual(numbersOf(outcome(pass, lying("contiguous"))));
      });
    });

    test("without a graph it gives the same", () => {
      scope(() => {
        const { inputs, pass } = make(dtype);
        const [recorded] = outcome(pass, inputs) as [Tensor];
        expect(noGrad(() => pass(inputs)).toFloat32Array()).toEqual(recorded.toFloat32Array());
      });
    });

    test("a second derivative is refused in one line, not silently zero", () => {
      scope(() => {
        const { inputs, pass } = make(dtype);
        for (const input of inputs) input.requiresGrad_();
        const y = pass(inputs);
        expect(() => grad(y.square().sum(), inputs, { createGraph: true })).toThrow(
          new RegExp(`^.*pioneer::${name} has no second derivative[^\\n]*$`),
        );
      });
    });
  });
});

test("spectralNorm's own passes do not depend on the number of threads, to the bit", () => {
  const passesOf = {
    divided: operator<[w: Tensor, sigma: Tensor, dtype: number], Tensor>("pioneer::divided"),
    backward: operator<Tensor[], Tensor>("pioneer::spectral_norm_backward"),
  };
  const before = getThreads();
  const results = [1, 2, 3].map((threads) => {
    setThreads(threads);
    return scope(() => {
      const [w, dy] = [1, 2].map((seed) => normal(seed, [70, 50, 3, 3]).to("float32")) as [Tensor, Tensor];
      const [u, next] = [3, 4].map((seed) => normal(seed, [70]).to("float32")) as [Tensor, Tensor];
      const [v, q] = [5, 6].map((seed) => normal(seed, [450]).to("float32")) as [Tensor, Tensor];
      const sigma = f64([1.7]).to("float32").reshape([]);
      return numbersOf([
        passesOf.divided(w, sigma, dtypeCode("bfloat16")),
        passesOf.backward(dy, w, u, v, next, q, sigma),
        passesOf.backward(dy.to("bfloat16"), w, u, v, next, q, sigma),
      ]);
    });
  });
  setThreads(before);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test.each(["pixelNormLeakyRelu", "upsampledPixelNormLeakyRelu", "biasedLeakyRelu", "pooledLeakyRelu"] as const)(
  "%s refuses a bias of another length",
  (name) => {
    const x = normal(14, [2, 12, 4, 4]).to("float32");
    expect(() => fused[name](x, normal(15, [5]).to("float32"))).toThrow(/expected a bias float32\[\d+\], got .*\[5\]/);
  },
);
