import { avgPool2d, conv2d, leakyRelu, scope, stack, type Tensor, tensor, upsampleNearest } from "pioneer-torch";
import { epsilon, slope } from "./constants.ts";
import { addBias } from "./layers.ts";
import type { Activation, Passes } from "./passes.ts";

const pixelNormLeakyRelu: Activation = (x, bias) =>
  scope(() => {
    const biased = addBias(x, bias);
    const exact = x.dtype === "bfloat16" ? biased.to("float32") : biased;
    const norm = exact.square().mean([1], true).add(epsilon).sqrt();
    return leakyRelu(exact.div(norm).to(x.dtype), slope);
  });

const biasedLeakyRelu: Activation = (x, bias) => scope(() => leakyRelu(addBias(x, bias), slope));

/**
 * Which taps of a row of a 3x3 kernel the taps of a 2x2 one sum: the pixels 2i of the enlarged row see {0} at i - 1 and
 * {1, 2} at i; the pixels 2i + 1 see {0, 1} at i and {2} at i + 1.
 */
const sums = [
  [[1, 0, 0], [0, 1, 1]], // biome-ignore format: a table
  [[1, 1, 0], [0, 0, 1]], // biome-ignore format: a table
];

/** [9, 16]: the taps of a 3x3 kernel to those of four 2x2 kernels, counted (a, b, row, column). */
export const foldMatrix = Array.from({ length: 9 * 16 }, (_, at) => {
  const [tap, to] = [Math.floor(at / 16), at % 16];
  const [a, b, row, column] = [to >> 3, (to >> 2) & 1, (to >> 1) & 1, to & 1];
  const along = (parity: number, of: number, from: number) => sums[parity]?.[of]?.[from] as number;
  return along(a, row, Math.floor(tap / 3)) * along(b, column, tap % 3);
});

/** [batch, 4c, h + 1, w + 1] -> [batch, c, 2h, 2w]: pixel (2i + a, 2j + b) is pixel (i + a, j + b) of channels (2a + b) c on. */
export function interleave(x: Tensor): Tensor {
  const [batch, channels, height, width] = [x.size(0), x.size(1) / 4, x.size(2) - 1, x.size(3) - 1];
  const part = (a: number, b: number) =>
    x
      .narrow(1, (2 * a + b) * channels, channels)
      .narrow(2, a, height)
      .narrow(3, b, width);
  const rows = [0, 1].map((a) => stack([part(a, 0), part(a, 1)], 4).reshape([batch, channels, height, 1, 2 * width]));
  return stack(rows, 3).reshape([batch, channels, 2 * height, 2 * width]);
}

/** Of ATen operators: any device, any dtype, differentiable any number of times. */
export const composed: Passes = {
  pixelNormLeakyRelu,
  upsampledPixelNormLeakyRelu: (x, bias) => scope(() => pixelNormLeakyRelu(interleave(x), bias)),
  biasedLeakyRelu,
  upsampledLeakyRelu: (x, bias) => scope(() => biasedLeakyRelu(interleave(x).contiguous("channelsLast"), bias)),
  pooledLeakyRelu: (x, bias) => scope(() => avgPool2d(biasedLeakyRelu(x, bias))),
  fade: (before, now, alpha) =>
    scope(() => (before.size(-1) === now.size(-1) ? before : upsampleNearest(before)).lerp(now, alpha)),
  convolution: (weight) => (x) => conv2d(x, weight, null, 1),
  enlargingConvolution: () => undefined,
  scaled: (weight, scale, dtype) => scope(() => weight.mul(scale).to(dtype).contiguous("channelsLast")),
  upsampledKernel: (weight, scale, dtype) =>
    scope(() => {
      const [out, into] = weight.shape as [number, number];
      const fold = tensor(Float64Array.from(foldMatrix), [9, 16]).to(weight.dtype).to(weight.device);
      return weight
        .reshape([out, into, 9])
        .matmul(fold)
        .mul(scale)
        .reshape([out, into, 4, 2, 2])
        .permute([2, 0, 1, 3, 4])
        .reshape([4 * out, into, 2, 2])
        .to(dtype)
        .contiguous("channelsLast");
    }),
  upsampledConvolution: (x, kernel) => conv2d(x, kernel, null, 1),
  spectralNorm: (weight, u, dtype) =>
    scope(() => {
      const matrix = weight.reshape([weight.size(0), -1]);
      const backward = matrix.transpose(0, 1).matmul(u);
      const v = backward.div(backward.norm());
      const forward = matrix.matmul(v);
      const next = forward.div(forward.norm());
      const sigma = next.mul(forward).sum();
      return { weight: weight.div(sigma).to(dtype).contiguous("channelsLast"), u: next };
    }),
};
