import { hasFused } from "./device.ts";
import { operator, type Tensor } from "./tensor.ts";

/**
 * Chains of operators as single passes over memory (the operators.cc in native/kernels say what each computes). On the CPU, and on
 * CUDA where `hasFused`; in float32 and bfloat16; differentiable once. Activations lie channels last, biases are float32.
 */
export const fused = {
  pixelNormLeakyRelu: operator<[x: Tensor, bias: Tensor, slope: number, epsilon: number], Tensor>(
    "pioneer::pixel_norm_lrelu",
  ),
  upsampledPixelNormLeakyRelu: operator<[x: Tensor, bias: Tensor, slope: number, epsilon: number], Tensor>(
    "pioneer::upsampled_pixel_norm_lrelu",
  ),
  biasLeakyRelu: operator<[x: Tensor, bias: Tensor, slope: number], Tensor>("pioneer::bias_lrelu"),
  biasLeakyReluPool: operator<[x: Tensor, bias: Tensor, slope: number], Tensor>("pioneer::bias_lrelu_pool"),
  fade: operator<[before: Tensor, now: Tensor, alpha: number], Tensor>("pioneer::fade"),
  upsampledConvolution: operator<[x: Tensor, kernel: Tensor], Tensor>("pioneer::upsampled_convolution"),
  prepared: operator<[weight: Tensor, copy: Tensor, scale: number], Tensor>("pioneer::prepared"),
  scaled: operator<[weight: Tensor, scale: number, dtype: number], Tensor>("pioneer::scaled_forward"),
  upsampledKernel: operator<[weight: Tensor, scale: number, dtype: number], Tensor>(
    "pioneer::upsampled_kernel_forward",
  ),
  spectralNorm: operator<[weight: Tensor, u: Tensor, dtype: number], [Tensor, Tensor]>("pioneer::spectral_norm"),
  adam_: operator<
    [
      parameters: readonly Tensor[],
      gradients: readonly Tensor[],
      first: readonly Tensor[],
      second: readonly Tensor[],
      copies: readonly Tensor[],
      copyScales: readonly number[],
      rates: Tensor,
      beta1: number,
      beta2: number,
      epsilon: number,
    ],
    void
  >("pioneer::adam_"),
  ema_: operator<[averages: readonly Tensor[], values: readonly Tensor[], weight: number], void>("pioneer::ema_"),
};

/** average += weight · (value - average), for all at once, in place. */
export function movingAverage_(averages: readonly Tensor[], values: readonly Tensor[], weight: number): void {
  if (averages.every(isFusable)) fused.ema_(averages, values, weight);
  else for (const [i, average] of averages.entries()) average.lerp_(values[i] as Tensor, weight);
}

/** Whether parameters like this one are updated by the fused passes. */
export const isFusable = ({ device, dtype }: Tensor): boolean => dtype === "float32" && hasFused(device);
