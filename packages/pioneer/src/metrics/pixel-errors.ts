import { scope, type Tensor } from "pioneer-torch";
import { psnrOf } from "../pictures/psnr.ts";
import { type Accumulator, type Evaluation, type Metric, ofHeldOut } from "./metric.ts";

const needs = { heldOut: true, images: 1 } as const;

/** Mean absolute difference of held-out images and their reconstructions, in units of [-1, 1]. */
export const l1: Metric = {
  needs,
  async begin(evaluation) {
    const { mean } = await evaluation.shared(reconstructionErrors);
    return { values: () => [ofHeldOut(evaluation, "l1", mean("absolute"), "lower")] };
  },
};

/** Root of the mean squared difference, likewise. */
export const rmse: Metric = {
  needs,
  async begin(evaluation) {
    const { mean } = await evaluation.shared(reconstructionErrors);
    return { values: () => [ofHeldOut(evaluation, "rmse", Math.sqrt(mean("squared")), "lower")] };
  },
};

/** Mean peak signal-to-noise ratio, in dB. */
export const psnr: Metric = {
  needs,
  async begin(evaluation) {
    const { mean } = await evaluation.shared(reconstructionErrors);
    return { values: () => [ofHeldOut(evaluation, "psnr", mean("psnr"), "higher")] };
  },
};

async function reconstructionErrors({
  counts,
}: Evaluation): Promise<Accumulator & { readonly mean: (error: keyof PixelErrors) => number }> {
  const sums = { absolute: 0, squared: 0, psnr: 0 };
  return {
    async seeHeldOut({ original, decoded }) {
      const errors = pixelErrors(original, await decoded());
      for (const error of ["absolute", "squared", "psnr"] as const) sums[error] += errors[error];
    },
    mean: (error) => sums[error] / counts.heldOut,
  };
}

/** Sums over images; the metrics are means of them. */
export interface PixelErrors {
  /** Mean |difference| of each image summed over images, in units of [-1, 1]. */
  readonly absolute: number;
  /** Mean squared difference, likewise. */
  readonly squared: number;
  /** PSNR in dB, likewise. */
  readonly psnr: number;
}

/**
 * Differences pixel by pixel, for the metrics l1, rmse and psnr.
 * @param a, b [n, 3, r, r], uint8 or floating, 0 to 255
 */
export function pixelErrors(a: Tensor, b: Tensor): PixelErrors {
  return scope(() => {
    const difference = a.to("float64").sub(b.to("float64"));
    const perImage = difference.square().mean([1, 2, 3]).toTypedArray() as Float64Array;
    return {
      absolute: difference.abs().mean([1, 2, 3]).sum().item() / 127.5,
      squared: perImage.reduce((sum, mse) => sum + mse, 0) / 127.5 ** 2,
      psnr: perImage.reduce((sum, mse) => sum + psnrOf(mse), 0),
    };
  });
}
