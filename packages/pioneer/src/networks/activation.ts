// What follows each convolution, as single passes over memory where there is a kernel, else composed of ATen operators.
import { biasLeakyRelu, leakyRelu, pixelNormBiasLeakyRelu, scope, type Tensor } from "pioneer-torch";

const slope = 0.2;
const epsilon = 1e-8;

/** What a block does with the output of a bias-free convolution. @param x [batch, c, h, w] or [batch, c] @param bias [c], float32 */
export type Activation = (x: Tensor, bias: Tensor) => Tensor;

/** The fused operators know float32 and bfloat16 on the CPU, and no second derivative. */
const isFused = (x: Tensor) => x.device === "cpu" && (x.dtype === "float32" || x.dtype === "bfloat16");

/**
 * LeakyReLU(PixelNorm(x + bias)): every pixel's channel vector is divided by sqrt(mean of its squares + 1e-8), THEN
 * activated. @see Karras et al. 2018, section 4.2
 */
export const pixelNormLeakyRelu: Activation = (x, bias) =>
  isFused(x) ? pixelNormBiasLeakyRelu(x, bias, slope, epsilon) : composed.pixelNormLeakyRelu(x, bias);

/** LeakyReLU(x + bias). */
export const biasedLeakyRelu: Activation = (x, bias) =>
  isFused(x) ? biasLeakyRelu(x, bias, slope) : composed.biasedLeakyRelu(x, bias);

/** The same of ATen operators: any device, any dtype, differentiable any number of times. */
export const composed: { readonly pixelNormLeakyRelu: Activation; readonly biasedLeakyRelu: Activation } = {
  pixelNormLeakyRelu: (x, bias) =>
    scope(() => {
      const biased = addBias(x, bias);
      const exact = x.dtype === "bfloat16" ? biased.to("float32") : biased;
      const norm = exact.square().mean([1], true).add(epsilon).sqrt();
      return leakyRelu(exact.div(norm).to(x.dtype), slope);
    }),
  biasedLeakyRelu: (x, bias) => scope(() => leakyRelu(addBias(x, bias), slope)),
};

const addBias = (x: Tensor, bias: Tensor) => x.add(bias.to(x.dtype).reshape(x.shape.length === 4 ? [-1, 1, 1] : [-1]));
