import {
  convolution3x3,
  dtypeCode,
  noGrad,
  fused as passes,
  scope,
  type Tensor,
  takesWinograd,
  upsampledWinogradConvolution,
  type WeightCopies,
} from "pioneer-torch";
import { interleave } from "./composed.ts";
import { epsilon, slope } from "./constants.ts";
import type { Passes } from "./passes.ts";

/** The parameter's copy for convolutions, as a function of the parameter. */
function prepared(weight: Tensor, scale: number, make: () => Tensor, copies?: WeightCopies): Tensor {
  return scope(() => passes.prepared(weight, copies ? copies.of(weight, scale, make) : noGrad(make), scale));
}

/** Single passes over memory (packages/torch/native/kernels); no second derivative. */
export const fused: Passes = {
  pixelNormLeakyRelu: (x, bias) => passes.pixelNormLeakyRelu(x, bias, slope, epsilon),
  upsampledPixelNormLeakyRelu: (x, bias) => passes.upsampledPixelNormLeakyRelu(x, bias, slope, epsilon),
  biasedLeakyRelu: (x, bias) => passes.biasLeakyRelu(x, bias, slope),
  upsampledLeakyRelu: (x, bias) =>
    scope(() => passes.biasLeakyRelu(interleave(x).contiguous("channelsLast"), bias, slope)),
  pooledLeakyRelu: (x, bias) => passes.biasLeakyReluPool(x, bias, slope),
  fade: passes.fade,
  convolution: (weight) => (x) => convolution3x3(x, weight),
  enlargingConvolution: (stored, dtype) =>
    takesWinograd(stored.device, dtype, stored.size(1), stored.size(0))
      ? (weight) => (x) => upsampledWinogradConvolution(x, weight)
      : undefined,
  scaled: (weight, scale, dtype, copies) =>
    prepared(weight, scale, () => passes.scaled(weight, scale, dtypeCode(dtype)), copies),
  upsampledKernel: (weight, scale, dtype, copies) =>
    prepared(weight, scale, () => passes.upsampledKernel(weight, scale, dtypeCode(dtype)), copies),
  upsampledConvolution: passes.upsampledConvolution,
  spectralNorm: (weight, u, dtype) => {
    const [normalised, next] = passes.spectralNorm(weight, u, dtypeCode(dtype));
    return { weight: normalised, u: next };
  },
};
