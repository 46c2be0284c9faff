import { avgPool2d, ShapeError, scope, type Tensor } from "pioneer-torch";
import { type Metric, ofSamples } from "./metric.ts";
import { similarity } from "./ssim.ts";

/** Of each scale, finest first. */
const weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/** Mean similarity of pairs of samples. */
export const metric: Metric = {
  needs: { samples: true, images: 2, resolution: 16 },
  async begin(evaluation) {
    let sum = 0;
    return {
      seeSamples({ pictures }) {
        sum += similarityOfPairs(pictures);
      },
      values: () => [ofSamples(evaluation, "msssim", sum / Math.floor(evaluation.counts.samples / 2), "lower")],
    };
  },
};

/** Sum over the first and second, third and fourth, ... picture; an odd one out is not counted. */
function similarityOfPairs(pictures: Tensor): number {
  const pairs = Math.floor(pictures.size(0) / 2);
  if (pairs === 0) return 0;
  return scope(() => {
    const [, c, h, w] = pictures.shape as [number, number, number, number];
    const both = pictures.narrow(0, 0, 2 * pairs).reshape([pairs, 2, c, h, w]);
    return multiScaleSsim(both.select(1, 0), both.select(1, 1)).sum().item();
  });
}

/**
 * Multi-scale structural similarity of pairs of images, over five scales of 2x2 means. Between random pairs of samples it
 * measures their sameness: higher than among real images means too little variety.
 * On scales smaller than the window the window shrinks (Karras et al. 2018); from 176x176 on it is Wang's definition.
 * @param a, b [n, c, h, w], 0 to 255, h and w multiples of 16
 * @returns    [n], float64, in [0, 1]; 1 for equal images
 * @throws     ShapeError for smaller images
 * @see Wang et al. 2003; Odena et al. 2017 for its use on samples; Karras et al. 2018, metrics/ms_ssim.py
 */
export function multiScaleSsim(a: Tensor, b: Tensor): Tensor {
  if (a.size(2) % 16 !== 0 || a.size(3) % 16 !== 0) {
    throw new ShapeError(`multiScaleSsim: expected sizes that are multiples of 16, got [${a.shape.join(", ")}]`);
  }
  return scope(() => {
    let [x, y] = [a.to("float64"), b.to("float64")];
    let product: Tensor | undefined;
    for (const [scale, weight] of weights.entries()) {
      const last = scale === weights.length - 1;
      const { ssim, contrast } = similarity(x, y);
      const factor = (last ? ssim : contrast).clamp(0, null).pow(weight);
      product = product ? product.mul(factor) : factor;
      if (!last) [x, y] = [avgPool2d(x), avgPool2d(y)];
    }
    return product as Tensor;
  });
}
