import type { Tensor } from "pioneer-torch";
import type { Metric } from "./catalogue.ts";
import { Covariance } from "./covariance.ts";
import { scratch } from "./scratch.ts";

/** The features of a set of images: their moments for FID, and all of them, on disk, for metrics of single images. */
export class FeatureSet {
  readonly moments: Covariance | undefined;
  readonly #rows: Tensor | undefined;
  #count = 0;

  private constructor(moments: Covariance | undefined, rows: Tensor | undefined) {
    this.moments = moments;
    this.#rows = rows;
  }

  static async create(metrics: readonly Metric[], images: number, width: number): Promise<FeatureSet> {
    const single = metrics.includes("kid") || metrics.includes("pr");
    const rows = single ? await scratch(images, width) : undefined;
    return new FeatureSet(metrics.includes("fid") ? new Covariance(width) : undefined, rows);
  }

  /** @param features [n, width] */
  add(features: Tensor): void {
    const n = features.size(0);
    this.moments?.add(features);
    this.#rows?.narrow(0, this.#count, n).copy_(features);
    this.#count += n;
  }

  /** [count, width] */
  get rows(): Tensor {
    return (this.#rows as Tensor).narrow(0, 0, this.#count);
  }

  dispose(): void {
    this.moments?.dispose();
    this.#rows?.dispose();
  }
}
