import { getThreads, grad, noGrad, scope, setThreads, type Tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { expectClose, f64, values } from "../../../torch/test/support/close.ts";
import { expectGradients, normal } from "../../../torch/test/support/differences.ts";
import { type Activation, biasedLeakyRelu, composed, pixelNormLeakyRelu } from "../../src/networks/activation.ts";

describe("pixelNormLeakyRelu, by hand", () => {
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

  test("a black pixel stays black", () => {
    expectClose(pixelNormLeakyRelu(f64([0, 0], [1, 2, 1, 1]), f64([0, 0])), [0, 0], 0);
  });
});

test("biasedLeakyRelu, by hand", () => {
  expectClose(biasedLeakyRelu(f64([1, -3, 0.5, 0], [2, 2]), f64([-2, 4])), [-0.2, 1, -0.3, 4], 1e-15);
});

const activations: [string, Activation, Activation][] = [
  ["pixelNormLeakyRelu", pixelNormLeakyRelu, composed.pixelNormLeakyRelu],
  ["biasedLeakyRelu", biasedLeakyRelu, composed.biasedLeakyRelu],
];

describe.each(activations)("%s", (_, fused, exact) => {
  test("composed of operators, its gradients are those of finite differences", () => {
    expectGradients(exact, [normal(1, [2, 3, 2, 2]), normal(2, [3])]);
    expectGradients(exact, [normal(3, [4, 3]), normal(4, [3])]);
  });

  /** Value and gradients, the sum weighted so that none hides another. */
  const outcome = (activation: Activation, x: Tensor, bias: Tensor): Tensor[] => {
    for (const input of [x, bias]) input.requiresGrad_();
    const y = activation(x, bias);
    return [y, ...grad(y.mul(normal(9, y.shape).to(y.dtype)).sum(), [x, bias])];
  };

  // Channels around the width of a vector unit; more than 512 pixels, which are summed in pieces; rows without pixels.
  test.each([
    [[2, 16, 4, 4]],
    [[3, 33, 5, 7]],
    [[1, 1, 3, 3]],
    [[2, 5, 24, 24]],
    [[4, 512, 2, 2]],
    [[7, 19]],
    [[600, 8]],
  ])("in one pass equals its parts, forwards and backwards: %j", (shape) => {
    scope(() => {
      const [x, bias] = [normal(5, shape), normal(6, [shape[1] as number])];
      const expected = outcome(exact, x.clone(), bias.clone());
      const got = outcome(fused, x.to("float32"), bias.to("float32"));
      const pixels = x.length / (shape[1] as number);
      // Float32: some roundings of 2^-24 of values up to about 5; sums over channels in the norm and over pixels in the
      // gradient of the bias.
      const allowed = [2e-6, 1e-5, 1e-6 * Math.sqrt(pixels) * 10];
      for (const [i, value] of got.entries()) {
        expect(value.dtype).toBe("float32");
        expectClose(value.to("float64"), values(expected[i] as Tensor), allowed[i] as number);
      }
      // bfloat16 keeps 8 bits of input, output and gradient; the bias and its gradient stay float32.
      const [y, dx, db] = outcome(fused, x.to("bfloat16"), bias.to("float32")) as [Tensor, Tensor, Tensor];
      expect([y.dtype, dx.dtype, db.dtype]).toEqual(["bfloat16", "bfloat16", "float32"]);
      const exactly = outcome(exact, x.to("bfloat16").to("float64"), bias.clone()) as [Tensor, Tensor, Tensor];
      expectClose(y.to("float64"), values(exactly[0]), 2 ** -8 * 5);
      // Its gradients start from a rounded output and rounded gradients: two or three roundings of 2^-9, as a whole; with
      // one channel they cancel to nearly nothing, and only the size of what cancelled counts.
      for (const [got16, want] of [
        [dx, exactly[1]],
        [db, exactly[2]],
      ] as const) {
        const error = got16.to("float64").sub(want).norm().item();
        expect(error).toBeLessThan(3 * 2 ** -8 * Math.max(1, want.norm().item()));
      }
    });
  });

  test("the layout in memory changes nothing but where things lie", () => {
    scope(() => {
      const x = normal(7, [2, 6, 5, 4]).to("float32");
      const bias = normal(8, [6]).to("float32");
      const rows = outcome(fused, x.contiguous("channelsLast"), bias.clone());
      const planes = outcome(fused, x.contiguous(), bias.clone());
      for (const [i, value] of rows.entries()) expect(value.toFloat32Array()).toEqual(planes[i]?.toFloat32Array());
    });
  });

  test("the number of threads changes nothing, to the bit", () => {
    const before = getThreads();
    const results = [1, 2, 3].map((threads) => {
      setThreads(threads);
      return scope(() => {
        const [x, bias] = [normal(10, [8, 12, 16, 16]).to("float32"), normal(11, [12]).to("float32")];
        return outcome(fused, x, bias).map((value) => value.toFloat32Array());
      });
    });
    setThreads(before);
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test("without a graph it gives the same", () => {
    scope(() => {
      const [x, bias] = [normal(12, [2, 4, 3, 3]).to("float32"), normal(13, [4]).to("float32")];
      const [recorded] = outcome(fused, x, bias);
      expect(noGrad(() => fused(x, bias)).toFloat32Array()).toEqual(recorded?.toFloat32Array());
    });
  });

  test("a bias of another length is refused", () => {
    const x = normal(14, [2, 4, 3, 3]).to("float32");
    expect(() => fused(x, normal(15, [3]).to("float32"))).toThrow(/bias/);
  });
});
