import { keep, ShapeError, scope, type Tensor, zeros } from "pioneer-torch";

/** Mean and covariance of rows, a Gaussian's parameters. */
export interface Gaussian {
  /** [d], float64 */
  readonly mean: Tensor;
  /** [d, d], float64, symmetric */
  readonly covariance: Tensor;
}

/**
 * Mean and covariance of rows that come in batches, in float64 and without large sums: the mean and the centred second
 * moments of what was seen are joined with those of each batch.
 * @see Chan, Golub & LeVeque 1979, the batch form of Welford's update
 */
export class Covariance {
  readonly dims: number;
  #count = 0;
  readonly #mean: Tensor;
  /** Sum over rows of (row - mean)(row - mean)'. */
  readonly #moments: Tensor;

  constructor(dims: number) {
    this.dims = dims;
    this.#mean = keep(zeros([dims], { dtype: "float64" }));
    this.#moments = keep(zeros([dims, dims], { dtype: "float64" }));
  }

  get count(): number {
    return this.#count;
  }

  /** @param rows [n, dims], any floating dtype, on the CPU @throws ShapeError */
  add(rows: Tensor): void {
    if (rows.shape.length !== 2 || rows.size(1) !== this.dims) {
      throw new ShapeError(`Covariance: expected rows of shape [n, ${this.dims}], got [${rows.shape.join(", ")}]`);
    }
    const n = rows.size(0);
    if (n === 0) return;
    scope(() => {
      const x = rows.to("float64");
      const mean = x.mean([0]);
      const centred = x.sub(mean);
      const shift = mean.sub(this.#mean);
      const total = this.#count + n;
      this.#moments.add_(centred.transpose(0, 1).matmul(centred));
      this.#moments.add_(shift.unsqueeze(1).mul(shift), (this.#count * n) / total);
      this.#mean.add_(shift, n / total);
      this.#count = total;
    });
  }

  /** @param divisor of the moments: "unbiased" count - 1 (as in FID), "biased" count @throws RangeError below 2 rows */
  gaussian(divisor: "unbiased" | "biased" = "unbiased"): Gaussian {
    if (this.#count < 2) throw new RangeError(`Covariance: needs at least 2 rows, got ${this.#count}`);
    const by = divisor === "unbiased" ? this.#count - 1 : this.#count;
    return { mean: this.#mean.clone(), covariance: this.#moments.div(by) };
  }

  dispose(): void {
    this.#mean.dispose();
    this.#moments.dispose();
  }
}
