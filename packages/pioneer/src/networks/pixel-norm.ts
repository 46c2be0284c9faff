import { leakyRelu, scope, type Tensor } from "pioneer-torch";
import { leakySlope } from "./layers.ts";

const epsilon = 1e-8;

/**
 * LeakyReLU(PixelNorm(x)): every pixel's channel vector is divided by sqrt(mean of its squares + 1e-8), THEN activated.
 * @param x [batch, channels, h, w] @see Karras et al. 2018, section 4.2
 */
export function pixelNormLeakyRelu(x: Tensor): Tensor {
  return scope(() => {
    const exact = x.dtype === "bfloat16" ? x.to("float32") : x;
    const norm = exact.square().mean([1], true).add(epsilon).sqrt();
    return leakyRelu(x.div(norm.to(x.dtype)), leakySlope);
  });
}
