// Vectors, computed with in float64.

export const dot = (a: Float32Array | Float64Array, b: Float32Array | Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
};

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** @param weights of the rows; their sum is not divided by */
export function combined(rows: readonly Float64Array[], weights: ArrayLike<number>): Float64Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const [k, row] of rows.entries()) {
    const weight = weights[k] as number;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (row[i] as number);
  }
  return sum;
}

/** Rows without their mean, and that mean. */
export function centred(rows: readonly Float64Array[]): { readonly rows: Float64Array[]; readonly mean: Float64Array } {
  const mean = combined(rows, Array(rows.length).fill(1 / rows.length));
  return { rows: rows.map((row) => row.map((value, i) => value - (mean[i] as number))), mean };
}

/** What a vector has beside some axes, perpendicular vectors of length 1. */
export function beside(axes: readonly Float64Array[], vector: Float64Array): Float64Array {
  let rest = vector;
  for (const axis of axes) {
    const along = dot(rest, axis);
    rest = rest.map((value, i) => value - along * (axis[i] as number));
  }
  return rest;
}

/** @param problem of a vector that is 0, which has no direction @throws RangeError with it */
export function unitVector(vector: Float64Array, problem: string): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  if (!(length > 1e-12)) throw new RangeError(problem);
  return vector.map((value) => value / length);
}

/** Perpendicular vectors of length 1 with the span of the rows, fewer where the rows depend on each other. */
export function basisOf(rows: readonly Float64Array[]): Float64Array[] {
  const largest = Math.sqrt(Math.max(0, ...rows.map((row) => dot(row, row))));
  const basis: Float64Array[] = [];
  for (const row of rows) {
    // Twice, for what rounding left.
    const rest = beside([...basis, ...basis], row);
    const length = Math.sqrt(dot(rest, rest));
    if (length > 1e-9 * largest) basis.push(rest.map((value) => value / length));
  }
  return basis;
}
