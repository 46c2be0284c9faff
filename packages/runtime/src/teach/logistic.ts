// Logistic regression on few rows, where the rows span less than the features: everything is solved in that span, which
// gives what solving for all features would (the penalty leaves the rest 0).
import { basisOf, centred, combined, dot } from "../vectors.ts";

export interface LinearModel {
  readonly weights: Float64Array;
  readonly bias: number;
}

/** Multiples of a quarter of the mean eigenvalue of X'X, the largest first: each fit begins where the one before ended. */
const penalties = [10, 1, 1e-1, 1e-2, 1e-3, 1e-4];
const folds = 5;
const maxIterations = 50;

export const predict = (row: Float64Array, { weights, bias }: LinearModel): number => dot(row, weights) + bias;

/**
 * argmin Σ log(1 + exp(-s (x·w + b))) + λ/2 |w|², s = ±1; the bias is free. λ is chosen by five-fold cross-validation,
 * row i in fold i modulo five.
 * @param y 1 or 0 for each row, both of them there
 */
export function logistic(rows: readonly Float64Array[], y: readonly number[]): LinearModel {
  const errors = penalties.map(() => 0);
  for (let fold = 0; fold < folds; fold++) {
    const kept = [...rows.keys()].filter((row) => row % folds !== fold);
    const left = [...rows.keys()].filter((row) => row % folds === fold);
    const models = path(
      kept.map((row) => rows[row] as Float64Array),
      kept.map((row) => y[row] as number),
      penalties,
    );
    for (const [i, model] of models.entries()) {
      errors[i] =
        (errors[i] as number) +
        left.reduce((sum, row) => sum + lossOf(predict(rows[row] as Float64Array, model), y[row] as number), 0);
    }
  }
  const best = penalties[errors.indexOf(Math.min(...errors))] as number;
  return path(rows, y, [best])[0] as LinearModel;
}

const lossOf = (score: number, y: number): number => {
  const wrong = y === 1 ? -score : score;
  return Math.max(0, wrong) + Math.log1p(Math.exp(-Math.abs(wrong)));
};

/** Models for several penalties, from the largest to the smallest. */
function path(rows: readonly Float64Array[], y: readonly number[], multiples: readonly number[]): LinearModel[] {
  const features = rows[0]?.length ?? 0;
  const { rows: x, mean } = centred(rows);
  const scale = x.reduce((sum, row) => sum + dot(row, row), 0) / features;
  const basis = basisOf(x);
  // The bias is the last weight, without a penalty.
  const design = x.map((row) => Float64Array.of(...basis.map((axis) => dot(row, axis)), 1));
  let w = new Float64Array(basis.length + 1);
  return multiples.map((multiple) => {
    const lambda = Float64Array.from(w, (_, i) => (i < basis.length ? (multiple * scale) / 4 : 0));
    w = newton(design, y, lambda, w);
    const weights = combined(basis, w);
    return { weights, bias: (w[basis.length] as number) - dot(mean, weights) };
  });
}

/** The minimum of the logistic loss + Σ λ w² / 2, by Newton's method with halved steps where a whole one goes too far. */
function newton(
  design: readonly Float64Array[],
  y: readonly number[],
  lambda: Float64Array,
  start: Float64Array<ArrayBuffer>,
): Float64Array<ArrayBuffer> {
  const loss = (w: Float64Array) =>
    design.reduce((sum, row, i) => sum + lossOf(dot(row, w), y[i] as number), 0) +
    w.reduce((sum, value, i) => sum + ((lambda[i] as number) * value * value) / 2, 0);
  let w = start;
  let now = loss(w);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const from = w;
    const step = newtonStep(design, y, lambda, from);
    let then = Number.POSITIVE_INFINITY;
    for (let size = 1; !(then <= now) && size > 1e-8; size /= 2) {
      w = from.map((value, i) => value - size * (step[i] as number));
      then = loss(w);
    }
    if (!(then < now - 1e-14 * Math.abs(now))) break;
    now = then;
  }
  return w;
}

function newtonStep(
  design: readonly Float64Array[],
  y: readonly number[],
  lambda: Float64Array,
  w: Float64Array,
): Float64Array {
  const size = w.length;
  const gradient = w.map((value, i) => value * (lambda[i] as number));
  const hessian = Array.from({ length: size }, (_, i) => new Float64Array(size).fill(lambda[i] as number, i, i + 1));
  for (const [n, row] of design.entries()) {
    const share = 1 / (1 + Math.exp(-dot(row, w)));
    const curvature = Math.max(1e-10, share * (1 - share));
    for (let i = 0; i < size; i++) {
      const value = row[i] as number;
      gradient[i] = (gradient[i] as number) + (share - (y[n] as number)) * value;
      const line = hessian[i] as Float64Array;
      for (let j = 0; j <= i; j++) line[j] = (line[j] as number) + curvature * value * (row[j] as number);
    }
  }
  return solve(hessian, gradient);
}

/** A x = b by Cholesky's decomposition. @param lower the lower half of A, symmetric and positive; it is overwritten */
function solve(lower: readonly Float64Array[], b: Float64Array): Float64Array {
  const at = (i: number, j: number) => lower[i]?.[j] as number;
  const x = Float64Array.from(b);
  for (let i = 0; i < b.length; i++) {
    const row = lower[i] as Float64Array;
    for (let j = 0; j <= i; j++) {
      let sum = row[j] as number;
      for (let k = 0; k < j; k++) sum -= (row[k] as number) * at(j, k);
      row[j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
    for (let k = 0; k < i; k++) x[i] = (x[i] as number) - at(i, k) * (x[k] as number);
    x[i] = (x[i] as number) / at(i, i);
  }
  for (let i = b.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < b.length; k++) x[i] = (x[i] as number) - at(k, i) * (x[k] as number);
    x[i] = (x[i] as number) / at(i, i);
  }
  return x;
}
