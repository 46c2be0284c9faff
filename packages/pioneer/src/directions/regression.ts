// Linear models on few features, in float64: ridge regression for numbers, logistic regression for two classes. The strength of
// the penalty is chosen by cross-validation.
import { cat, eigh, operator, scope, type Tensor, tensor, zeros } from "pioneer-torch";

const solve = operator<[a: Tensor, b: Tensor], Tensor>("aten::linalg_solve");

const sigmoid = operator<[x: Tensor], Tensor>("aten::sigmoid");
const diagonal = operator<[x: Tensor], Tensor>("aten::diag");
const softplus = operator<[x: Tensor, beta: number, threshold: number], Tensor>("aten::softplus");

export interface LinearModel {
  /** [features] */
  readonly weights: Float64Array;
  readonly bias: number;
  /** The penalty λ of λ/2 · |w|², as a multiple of the mean variance of a feature times the count. */
  readonly penalty: number;
}

/** Multiples of the mean eigenvalue of X'X, from nearly none to overwhelming. */
const penalties = [1e-4, 1e-3, 1e-2, 1e-1, 1, 10];
const folds = 5;
const maxIterations = 50;

/**
 * argmin |y - Xw - b|² + λ|w|²; the bias is free.
 * @param x [n, features], float64 @param y [n]
 * @param penalty instead of one chosen by cross-validation
 */
export function ridge(x: Tensor, y: Float64Array, penalty?: number): LinearModel {
  const chosen = penalty ?? choose(x, y, (part, values) => ridgePath(part, values, penalties), squaredError);
  return ridgePath(x, y, [chosen])[0] as LinearModel;
}

/**
 * argmin Σ log(1 + exp(-s (x·w + b))) + λ/2 |w|², s = ±1; the bias is free. By Newton's method.
 * @param x [n, features], float64 @param y [n], 0 or 1, both of them there
 * @param penalty instead of one chosen by cross-validation
 */
export function logistic(x: Tensor, y: Float64Array, penalty?: number): LinearModel {
  const chosen = penalty ?? choose(x, y, (part, values) => logisticPath(part, values, penalties), logLoss);
  return logisticPath(x, y, [chosen])[0] as LinearModel;
}

/** x·w + b for each row. */
export const predict = (x: Tensor, { weights, bias }: LinearModel): Float64Array =>
  scope(() => x.matmul(tensor(weights)).add(bias).toTypedArray() as Float64Array);

/** Models for several penalties, of one decomposition of X'X. */
function ridgePath(x: Tensor, y: Float64Array, multiples: readonly number[]): LinearModel[] {
  return scope(() => {
    const center = x.mean([0], true);
    const centred = x.sub(center);
    const mean = meanOf(y);
    const b = centred.transpose(0, 1).matmul(tensor(y).sub(mean));
    const { values, vectors } = eigh(centred.transpose(0, 1).matmul(centred));
    const scale = values.mean().item();
    const turned = vectors.transpose(0, 1).matmul(b);
    return multiples.map((penalty) => {
      const weights = vectors.matmul(turned.div(values.clamp(0, null).add(penalty * scale)));
      const bias = mean - center.reshape([-1]).mul(weights).sum().item();
      return { weights: weights.toTypedArray() as Float64Array, bias, penalty };
    });
  });
}

/** From the largest penalty to the smallest, each beginning where the one before ended. */
function logisticPath(x: Tensor, y: Float64Array, multiples: readonly number[]): LinearModel[] {
  return scope(() => {
    const [count, features] = x.shape as [number, number];
    const center = x.mean([0], true);
    const centred = x.sub(center);
    const scale = centred.square().sum().item() / features;
    // The bias is the last weight, without a penalty.
    const design = cat([centred, zeros([count, 1], { dtype: "float64" }).add(1)], 1);
    const target = tensor(y);
    const isPenalised = tensor(Float64Array.from({ length: features + 1 }, (_, i) => (i < features ? 1 : 0)));
    const models = new Map<number, LinearModel>();
    let w = zeros([features + 1], { dtype: "float64" });
    for (const penalty of [...multiples].sort((a, b) => b - a)) {
      // A quarter, as the curvature of the loss is at most that.
      w = newton(design, target, isPenalised.mul((penalty * scale) / 4), w);
      const all = w.toTypedArray() as Float64Array;
      const weights = all.slice(0, features);
      const shift = center.reshape([-1]).mul(tensor(weights)).sum().item();
      models.set(penalty, { weights, bias: (all[features] as number) - shift, penalty });
    }
    return multiples.map((penalty) => models.get(penalty) as LinearModel);
  });
}

/** The minimum of the logistic loss + Σ λ w² / 2, by Newton's method with halved steps where a whole one goes too far. */
function newton(design: Tensor, target: Tensor, lambda: Tensor, start: Tensor): Tensor {
  const loss = (w: Tensor) =>
    scope(() => {
      const score = design.matmul(w);
      const fit = softplus(score, 1, 40).sub(score.mul(target)).sum();
      return fit.add(w.square().mul(lambda).sum().mul(0.5)).item();
    });
  let w = start;
  let now = loss(w);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const from = w;
    const step = scope(() => {
      const share = sigmoid(design.matmul(from));
      const gradient = design.transpose(0, 1).matmul(share.sub(target)).add(from.mul(lambda));
      const curvature = share.mul(share.neg().add(1)).clamp(1e-10, null).reshape([-1, 1]);
      return solve(design.transpose(0, 1).matmul(design.mul(curvature)).add(diagonal(lambda)), gradient);
    });
    let then = Number.POSITIVE_INFINITY;
    for (let size = 1; !(then <= now) && size > 1e-8; size /= 2) {
      w = scope(() => from.sub(step.mul(size)));
      then = loss(w);
    }
    if (!(then < now - 1e-14 * Math.abs(now))) break;
    now = then;
  }
  return w;
}

/** The penalty whose models fit best what they were not fitted to. */
function choose(
  x: Tensor,
  y: Float64Array,
  fit: (x: Tensor, y: Float64Array) => LinearModel[],
  error: (scores: Float64Array, y: Float64Array) => number,
): number {
  const errors = penalties.map(() => 0);
  for (let fold = 0; fold < folds; fold++) {
    scope(() => {
      const [kept, left] = [(row: number) => row % folds !== fold, (row: number) => row % folds === fold].map((is) =>
        [...y.keys()].filter(is),
      ) as [number[], number[]];
      const [inside, outside] = [kept, left].map((rows) => Float64Array.from(rows, (row) => y[row] as number));
      const models = fit(rowsOf(x, kept), inside as Float64Array);
      for (const [i, model] of models.entries()) {
        errors[i] = (errors[i] as number) + error(predict(rowsOf(x, left), model), outside as Float64Array);
      }
    });
  }
  return penalties[errors.indexOf(Math.min(...errors))] as number;
}

const squaredError = (scores: Float64Array, y: Float64Array) =>
  scores.reduce((sum, score, i) => sum + (score - (y[i] as number)) ** 2, 0);

const logLoss = (scores: Float64Array, y: Float64Array) =>
  scores.reduce((sum, score, i) => {
    const wrong = y[i] === 1 ? -score : score;
    return sum + Math.max(0, wrong) + Math.log1p(Math.exp(-Math.abs(wrong)));
  }, 0);

export const rowsOf = (x: Tensor, rows: readonly number[]): Tensor =>
  scope(() => x.indexSelect(0, tensor(Int32Array.from(rows))));

export const meanOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
