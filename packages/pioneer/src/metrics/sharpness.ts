import { conv2d, scope, type Tensor, tensor } from "pioneer-torch";
import type { Metric } from "./metric.ts";

/**
 * How much of the fine detail of held-out images their reconstructions have: mean |Laplacian| of the latter, over that of the
 * former. 1 is as sharp as the images, less is smoother, more is noise. It says nothing of whether the detail is the right
 * one: that say l1, ssim and lpips.
 */
export const metric: Metric = {
  needs: { heldOut: true, images: 1 },
  async begin({ counts }) {
    const sums = { originals: 0, decoded: 0 };
    return {
      async seeHeldOut({ original, decoded }) {
        sums.originals += detail(original);
        sums.decoded += detail(await decoded());
      },
      // Images without any detail have nothing that could be kept.
      values: () => [
        {
          name: "sharpness",
          value: sums.originals === 0 ? 1 : sums.decoded / sums.originals,
          better: "near",
          target: 1,
          images: counts.heldOut,
        },
      ],
    };
  },
};

/**
 * Sum of |4 x - its four neighbours| over all pixels that have four.
 * @param images [n, c, h, w], uint8 or floating, h and w at least 3
 */
export function detail(images: Tensor): number {
  return scope(() => {
    const [n, c, h, w] = images.shape as [number, number, number, number];
    const kernel = tensor([0, -1, 0, -1, 4, -1, 0, -1, 0]).reshape([1, 1, 3, 3]).to(images.device);
    return conv2d(images.to("float32").reshape([n * c, 1, h, w]), kernel, null)
      .abs()
      .sum()
      .item();
  });
}
