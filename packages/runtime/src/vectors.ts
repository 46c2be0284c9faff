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

/** Perpendicular vectors of length 1 with the span of the rows, fewer where the rows depend on each other. */
export function basisOf(rows: readonly Float64Array[]): Float64Array[] {
  const largest = Math.sqrt(Math.max(0, ...rows.map((row) => dot(row, row))));
  const basis: Float64Array[] = [];
  for (const row of rows) {
    let rest = row;
    // Twice, for what rounding left.
    for (const axis of [...basis, ...basis]) {
      const along = dot(rest, axis);
      rest = rest.map((value, i) => value - along * (axis[i] as number));
    }
    const length = Math.sqrt(dot(rest, rest));
    if (length > 1e-9 * largest) basis.push(rest.map((value) => value / length));
  }
  return basis;
}
