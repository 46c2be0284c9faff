import { DataError } from "../base/errors.ts";

/** How a group of tensors is judged; the reference's README states which goes with which. */
export type Metric = "maxAbs" | "relL2" | "fractionWithin";

/** What was found for one group. */
export interface GroupResult {
  readonly metric: Metric;
  /** The worst tensor's measure; for fractionWithin the share of all elements within `within`. */
  readonly value: number;
  /** Largest allowed value; for fractionWithin the smallest. */
  readonly tolerance: number;
  /** Largest absolute difference in the group. */
  readonly maxAbs: number;
  readonly ok: boolean;
  /** The tensor with the largest measure. */
  readonly worst: string;
  readonly tensors: number;
  /** What the judged numbers were computed in. */
  readonly precision: "fp32" | "fp64";
}

/** Collects comparisons of one group. */
export class Group {
  readonly metric: Metric;
  readonly tolerance: number;
  /** For fractionWithin: the distance that counts as equal. */
  readonly within: number;
  #value = 0;
  #maxAbs = 0;
  #worst = "";
  #tensors = 0;
  #elements = 0;
  #inside = 0;
  #rejected: string | undefined;

  constructor(metric: Metric, tolerance: number, within = 0) {
    this.metric = metric;
    this.tolerance = tolerance;
    this.within = within;
  }

  /** @param got, expected the same number of elements, in the same order */
  add(name: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
    if (got.length !== expected.length) {
      throw new DataError(`${name}: we computed ${got.length} numbers, the reference holds ${expected.length}`);
    }
    let maxAbs = 0;
    let error = 0;
    let norm = 0;
    for (let i = 0; i < expected.length; i++) {
      const want = expected[i] as number;
      // NaN must never pass: it counts as an infinite difference.
      const difference = Math.abs((got[i] as number) - want);
      const distance = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
      maxAbs = Math.max(maxAbs, distance);
      error += distance * distance;
      norm += want * want;
      if (distance <= this.within) this.#inside++;
    }
    this.#elements += expected.length;
    this.#tensors++;
    this.#maxAbs = Math.max(this.#maxAbs, maxAbs);
    const relative = norm > 0 ? Math.sqrt(error / norm) : error > 0 ? Number.POSITIVE_INFINITY : 0;
    const measure = this.metric === "relL2" ? relative : maxAbs;
    if (measure >= this.#value) {
      this.#value = measure;
      this.#worst = name;
    }
  }

  /** Something that no number can excuse, for instance a tensor that should have moved and did not. */
  reject(name: string): void {
    this.#rejected = name;
  }

  result(): GroupResult {
    const share = this.metric === "fractionWithin";
    // A group without a single number has shown nothing.
    const failed = this.#elements === 0 || this.#rejected !== undefined;
    const worstValue = share ? 0 : Number.POSITIVE_INFINITY;
    const value = failed ? worstValue : share ? this.#inside / this.#elements : this.#value;
    const ok = share ? value >= this.tolerance : value <= this.tolerance;
    const { metric, tolerance } = this;
    return {
      metric,
      value,
      tolerance,
      maxAbs: this.#maxAbs,
      ok,
      worst: this.#rejected ?? this.#worst,
      tensors: this.#tensors,
      precision: "fp32",
    };
  }
}
