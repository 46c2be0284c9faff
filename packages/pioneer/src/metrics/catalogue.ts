// The metrics there are, what each needs, and the names of what it gives.

/** What `--metrics` takes. */
export const metrics = ["swd", "msssim", "l1", "rmse", "psnr", "ssim", "fid", "kid", "pr", "lpips", "latent"] as const;
export type Metric = (typeof metrics)[number];

export interface MetricNeeds {
  /** An ONNX network given by the user, named by its option. */
  readonly network?: "features" | "lpips";
  /** Samples of the model. */
  readonly samples?: true;
  /** Real images to compare samples with. */
  readonly reals?: true;
  /** Images to encode and decode. */
  readonly heldOut?: true;
  /** Fewest images (samples, and reals where they are needed); of fid it depends on the network. */
  readonly images: number;
  /** Smallest width and height. */
  readonly resolution?: number;
}

export const needs: Readonly<Record<Metric, MetricNeeds>> = {
  swd: { samples: true, reals: true, images: 16, resolution: 16 },
  msssim: { samples: true, images: 2, resolution: 16 },
  l1: { heldOut: true, images: 1 },
  rmse: { heldOut: true, images: 1 },
  psnr: { heldOut: true, images: 1 },
  ssim: { heldOut: true, images: 1, resolution: 16 },
  fid: { network: "features", samples: true, reals: true, images: 2 },
  kid: { network: "features", samples: true, reals: true, images: 100 },
  pr: { network: "features", samples: true, reals: true, images: 100 },
  lpips: { network: "lpips", heldOut: true, images: 1 },
  latent: { samples: true, heldOut: true, images: 2 },
};

/** One number of the result. */
export interface MetricValue {
  /** Where the value depends on how many images there are, their number stands in the name: swd16k, fid50k. */
  readonly name: string;
  readonly value: number;
  /** Which way a better model moves it; "near" a number that stands in `target`. */
  readonly better: "lower" | "higher" | "near";
  readonly target?: number;
  /** Images it was computed from: samples, or images encoded. */
  readonly images: number;
}

/** 10000 -> "10k"; 16384 -> "16k", as the paper has it; 1500 -> "1500". */
export function countName(count: number): string {
  if (count === 16384) return "16k";
  return count >= 1000 && count % 1000 === 0 ? `${count / 1000}k` : String(count);
}
