import { conv2d, ShapeError, scope, type Tensor, tensor } from "pioneer-torch";
import { type Metric, ofHeldOut } from "./metric.ts";

/** Constants of the paper for values 0 to 255. */
const c1 = (0.01 * 255) ** 2;
const c2 = (0.03 * 255) ** 2;
/** Width of the Gaussian window and its standard deviation, in pixels. */
const windowSize = 11;
const windowSigma = 1.5;

/** Mean similarity of held-out images and their reconstructions. */
export const metric: Metric = {
  needs: { heldOut: true, images: 1, resolution: 16 },
  async begin(evaluation) {
    let sum = 0;
    return {
      async seeHeldOut({ original, decoded }) {
        const pictures = await decoded();
        sum += scope(() => ssim(original, pictures).sum().item());
      },
      values: () => [ofHeldOut(evaluation, "ssim", sum / evaluation.counts.heldOut, "higher")],
    };
  },
};

/**
 * Structural similarity of pairs of images: means over channels and over all places where an 11x11 Gaussian window fits.
 * @param a, b [n, c, h, w], 0 to 255, h and w at least 11
 * @returns    [n], float64, in [-1, 1]; 1 for equal images
 * @throws     ShapeError for smaller images
 * @see Wang et al. 2004; the same as scikit-image's with gaussian_weights, sigma 1.5 and use_sample_covariance=False
 */
export function ssim(a: Tensor, b: Tensor): Tensor {
  const smaller = Math.min(a.size(2), a.size(3));
  if (smaller < windowSize) {
    throw new ShapeError(`ssim: expected images of at least ${windowSize}x${windowSize}, got ${smaller}`);
  }
  return scope(() => similarity(a.to("float64"), b.to("float64")).ssim);
}

/**
 * SSIM and its part without luminance. On images smaller than the window the window shrinks, its sigma in proportion.
 * @param a, b [n, c, h, w], float64
 * @returns each [n]
 */
export function similarity(a: Tensor, b: Tensor): { ssim: Tensor; contrast: Tensor } {
  const size = Math.min(windowSize, a.size(2), a.size(3));
  const kernel = gaussian(size, (windowSigma * size) / windowSize);
  return scope(() => {
    const blur = (x: Tensor) => windowMeans(x, kernel);
    const [meanA, meanB] = [blur(a), blur(b)];
    const [squareA, squareB, product] = [meanA.square(), meanB.square(), meanA.mul(meanB)];
    const varianceA = blur(a.square()).sub(squareA);
    const varianceB = blur(b.square()).sub(squareB);
    const covariance = blur(a.mul(b)).sub(product);
    const contrast = covariance.mul(2).add(c2).div(varianceA.add(varianceB).add(c2));
    const luminance = product.mul(2).add(c1).div(squareA.add(squareB).add(c1));
    return { ssim: luminance.mul(contrast).mean([1, 2, 3]), contrast: contrast.mean([1, 2, 3]) };
  });
}

/** Weights that sum to 1, symmetric about the middle. */
function gaussian(size: number, sigma: number): Float64Array {
  const weights = Float64Array.from({ length: size }, (_, i) =>
    Math.exp(-((i - (size - 1) / 2) ** 2) / (2 * sigma ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Means under the window wherever it fits: first along rows, then along columns. */
function windowMeans(x: Tensor, kernel: Float64Array): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const size = kernel.length;
  return scope(() => {
    const along = conv2d(x.reshape([n * c, 1, h, w]), tensor(kernel, [1, 1, 1, size]), null);
    const both = conv2d(along, tensor(kernel, [1, 1, size, 1]), null);
    return both.reshape([n, c, h - size + 1, w - size + 1]);
  });
}
