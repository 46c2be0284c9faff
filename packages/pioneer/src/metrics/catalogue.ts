// The metrics there are: a new one is a file and a line here. Files are loaded when they are needed, since they load libtorch.
import type { Metric } from "./metric.ts";

const files = {
  swd: async () => (await import("./swd.ts")).metric,
  msssim: async () => (await import("./msssim.ts")).metric,
  l1: async () => (await import("./pixel-errors.ts")).l1,
  rmse: async () => (await import("./pixel-errors.ts")).rmse,
  psnr: async () => (await import("./pixel-errors.ts")).psnr,
  ssim: async () => (await import("./ssim.ts")).metric,
  sharpness: async () => (await import("./sharpness.ts")).metric,
  fid: async () => (await import("./fid.ts")).metric,
  kid: async () => (await import("./kid.ts")).metric,
  pr: async () => (await import("./precision-recall.ts")).metric,
  lpips: async () => (await import("./lpips.ts")).metric,
  latent: async () => (await import("./latent.ts")).metric,
} satisfies Record<string, () => Promise<Metric>>;

export type MetricName = keyof typeof files;

/** What `--metrics` takes. */
export const metricNames = Object.keys(files) as [MetricName, ...MetricName[]];

/** Samples unless told otherwise, where the data has as many images to compare them with. */
export const defaultCount = 10_000;

export interface NamedMetric extends Metric {
  readonly name: MetricName;
}

export const loadMetrics = (names: readonly MetricName[]): Promise<NamedMetric[]> =>
  Promise.all(names.map(async (name) => ({ name, ...(await files[name]()) })));
