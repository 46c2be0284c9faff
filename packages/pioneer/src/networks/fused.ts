import {
  convolution3x3,
  type DType,
  dtypeCode,
  formOf,
  noGrad,
  fused as passes,
  scope,
  type Tensor,
  upsampledWinogradConvolution,
  type WeightCopies,
} from "pioneer-torch";
import { interleave } from "./composed.ts";
import { epsilon, slope } from "./constants.ts";
import type { Passes } from "./passes.ts";

/** The parameter's copy for convolutions, as a function of the parameter. */
function prepared(weight: Tensor, as: string, scale: number, make: () => Tensor, copies?: WeightCopies): Tensor {
  return scope(() => passes.prepared(weight, copies ? copies.of(weight, as, scale, make) : noGrad(make), scale));
}

const isWinograd = ({ device, shape }: Tensor, dtype: DType, side: number): boolean => {
  const [out = 0, into = 0] = shape;
  return formOf(device, dtype, { into, out, side, enlarging: true }) === "winograd";
};

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
  enlargingConvolution: (stored, dtype, side) =>
    isWinograd(stored, dtype, side) ? (weight) => (x) => upsampledWinogradConvolution(x, weight) : undefined,
  scaled: (weight, scale, dtype, copies) =>
    prepared(weight, dtype, scale, () => passes.scaled(weight, scale, dtypeCode(dtype)), copies),
  upsampledKernel: (weight, scale, dtype, copies) =>
    prepared(weight, `${dtype} 2x2`, scale, () => passes.upsampledKernel(weight, scale, dtypeCode(dtype)), copies),
  upsampledConvolution: passes.upsampledConvolution,
  spectralNorm: (weight, u, dtype) => {
    const [normalised, next] = passes.spectralNorm(weight, u, dtypeCode(dtype));
    return { weight: normalised, u: next };
  },
};
