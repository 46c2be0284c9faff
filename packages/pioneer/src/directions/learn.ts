// Directions of the latent space, learned from the codes of labelled images.
import { eigh, scope, type Tensor, tensor } from "pioneer-torch";
import { ConfigError } from "../errors.ts";
import type { Attribute } from "./attributes.ts";
import type { Direction } from "./file.ts";
import { logistic, meanOf, ridge, rowsOf } from "./regression.ts";
import { tangents } from "./tangent.ts";

export interface Codes {
  /** [count * latent], rows of length 1. */
  readonly values: Float32Array;
  readonly latent: number;
  /** Rows to learn from, and rows to see on how well that went. */
  readonly fitted: readonly number[];
  readonly heldOut: readonly number[];
}

export interface LearnOptions {
  /** Differences of means, or the weights of a linear model. */
  readonly method: "mean" | "linear";
  /** Each without what it shares with the others. */
  readonly orthogonal: boolean;
}

/** What is left of a direction without the others' part must be this much of it. */
const leastRemainder = 0.05;

/**
 * One direction for each attribute: a unit vector in the tangent space at the codes' mean, its unit the standard deviation of
 * the codes along it.
 * @param attributes values by row of the codes
 * @throws ConfigError if two of them cannot be told apart and should be orthogonal
 */
export function learnDirections(
  codes: Codes,
  attributes: readonly Attribute[],
  { method, orthogonal }: LearnOptions,
): Record<string, Direction> {
  return scope(() => {
    const x = tangents(codes.values, codes.latent);
    const found = attributes.map((attribute) => {
      const rows = known(codes.fitted, attribute);
      const y = Float64Array.from(rows, (row) => attribute.values[row] as number);
      return unitVector(method === "mean" ? covariance(rowsOf(x, rows), y) : weightsOf(attribute, rowsOf(x, rows), y));
    });
    const vectors = orthogonal ? orthogonalised(found, attributes) : found;
    return Object.fromEntries(
      attributes.map((attribute, i) => {
        const vector = vectors[i] as Float64Array;
        const along = x.matmul(tensor(vector)).toTypedArray() as Float64Array;
        const heldOut = scoreOf(along, attribute, codes);
        const unit = deviationOf(codes.fitted.map((row) => along[row] as number));
        return [attribute.name, { vector: [...vector], unit, method, orthogonal, ...(heldOut && { heldOut }) }];
      }),
    );
  });
}

/** The directions of most variance, pc1, pc2 ...; their units are standard deviations. */
export function principalDirections({ values, latent, fitted }: Codes, count: number): Record<string, Direction> {
  return scope(() => {
    const x = rowsOf(tangents(values, latent), fitted);
    const centred = x.sub(x.mean([0], true));
    const { values: variances, vectors } = eigh(centred.transpose(0, 1).matmul(centred).div(fitted.length));
    const spread = variances.toTypedArray() as Float64Array;
    const columns = Math.min(count, latent - 1, fitted.length - 1);
    return Object.fromEntries(
      Array.from({ length: columns }, (_, i) => {
        const column = latent - 1 - i;
        const vector = vectors.select(1, column).toTypedArray() as Float64Array;
        // Of v and -v the one whose largest coordinate is above 0, so that the same codes give the same directions.
        const largest = vector.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
        const unit = Math.sqrt(Math.max(spread[column] as number, 1e-24));
        return [
          `pc${i + 1}`,
          { vector: Array.from(vector, (value) => Math.sign(largest) * value), unit, method: "pca", orthogonal: true },
        ];
      }),
    );
  });
}

/** X'(y - mean y): of two sides, what leads from one mean to the other. */
const covariance = (x: Tensor, y: Float64Array): Float64Array =>
  scope(
    () =>
      tensor(y)
        .sub(meanOf(y))
        .matmul(x.sub(x.mean([0], true)))
        .toTypedArray() as Float64Array,
  );

const weightsOf = ({ kind }: Attribute, x: Tensor, y: Float64Array): Float64Array =>
  (kind === "category" ? logistic(x, y) : ridge(x, y)).weights;

/** Each vector without its part in the span of the others, so that moving along it leaves what they measure. */
function orthogonalised(vectors: readonly Float64Array[], attributes: readonly Attribute[]): Float64Array[] {
  return vectors.map((vector, i) => {
    const basis: Float64Array[] = [];
    for (const [j, other] of vectors.entries()) {
      if (j === i) continue;
      const rest = without(other, basis);
      if (norm(rest) > leastRemainder) basis.push(unitVector(rest));
    }
    const rest = without(vector, basis);
    if (norm(rest) < leastRemainder) {
      const others = attributes.filter((_, j) => j !== i).map(({ name }) => name);
      throw new ConfigError(
        `--orthogonal: ${attributes[i]?.name} cannot be told apart from ${others.join(", ")}; leave one of them out`,
      );
    }
    return unitVector(rest);
  });
}

/** @param basis orthonormal */
function without(vector: Float64Array, basis: readonly Float64Array[]): Float64Array {
  const rest = Float64Array.from(vector);
  // Twice, for what rounding left.
  for (const axis of [...basis, ...basis]) {
    const along = axis.reduce((sum, value, i) => sum + value * (rest[i] as number), 0);
    for (const [i, value] of axis.entries()) rest[i] = (rest[i] as number) - along * value;
  }
  return rest;
}

/** How well the place along a direction tells the attribute of images it was not learned from. */
function scoreOf(along: Float64Array, attribute: Attribute, codes: Codes): Direction["heldOut"] {
  const pairs = (rows: readonly number[]) =>
    known(rows, attribute).map((row) => [along[row] as number, attribute.values[row] as number] as const);
  const [fitted, tested] = [pairs(codes.fitted), pairs(codes.heldOut)];
  if (tested.length === 0) return undefined;
  if (attribute.kind === "category") {
    const side = (which: number) => meanOf(fitted.filter(([, y]) => y === which).map(([place]) => place));
    const threshold = (side(0) + side(1)) / 2;
    const right = tested.filter(([place, y]) => (place > threshold ? 1 : 0) === y).length;
    return { kind: "accuracy", value: right / tested.length, count: tested.length };
  }
  const [meanPlace, meanY] = [meanOf(fitted.map(([place]) => place)), meanOf(fitted.map(([, y]) => y))];
  const sum = (term: (place: number, y: number) => number) =>
    fitted.reduce((total, [place, y]) => total + term(place - meanPlace, y - meanY), 0);
  const slope = sum((place, y) => place * y) / sum((place) => place * place);
  const mean = meanOf(tested.map(([, y]) => y));
  const total = tested.reduce((all, [, y]) => all + (y - mean) ** 2, 0);
  const missed = tested.reduce((all, [place, y]) => all + (y - meanY - slope * (place - meanPlace)) ** 2, 0);
  return { kind: "r2", value: 1 - missed / total, count: tested.length };
}

const known = (rows: readonly number[], { values }: Attribute) =>
  rows.filter((row) => !Number.isNaN(values[row] as number));

const norm = (vector: Float64Array) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

function unitVector(vector: Float64Array): Float64Array {
  const length = norm(vector);
  return vector.map((value) => value / length);
}

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
