// Directions of the latent space, learned from the latents of labelled images.
import { eigh, operator, scope, type Tensor, tensor } from "pioneer-torch";
import { ConfigError } from "../base/errors.ts";
import type { Attribute } from "./attributes.ts";
import type { Direction } from "./file.ts";
import { type AttributeMethod, defaultComponents } from "./methods.ts";
import { logistic, meanOf, ridge, rowsOf } from "./regression.ts";
import { tangents } from "./tangent.ts";

const diagonal = operator<[x: Tensor], Tensor>("aten::diagonal");
const inv = operator<[x: Tensor], Tensor>("aten::linalg_inv");

export interface Latents {
  /** [count * latent], rows of length 1. */
  readonly values: Float32Array;
  readonly latent: number;
  /** Rows to learn from, and rows to see on how well that went. */
  readonly fitted: readonly number[];
  readonly heldOut: readonly number[];
}

export interface LearnOptions {
  /** Differences of means, or the weights of a linear model. */
  readonly method: AttributeMethod;
  /** Each without what it shares with the others. */
  readonly orthogonal: boolean;
  /** More attributes that the moves are to leave alone, with no directions of their own. */
  readonly held?: readonly Attribute[] | undefined;
}

/** How a latent moves for one attribute, and by what the attribute is told. */
export interface Move {
  readonly name: string;
  /** [latent]: strength 1 adds it. */
  readonly shift: Float64Array;
  /** [latent]: the product with a tangent tells the attribute. With `mean` it is the mean's direction, not made orthogonal. */
  readonly reader: Float64Array;
  /** Places in the list of moves of those whose attributes it leaves alone. */
  readonly keeps: readonly number[];
  /** How well it fits images that it was not learned from. */
  readonly heldOut: Direction["heldOut"];
  /** What it does to pictures, where that was measured. */
  readonly shown?: Direction["shown"];
}

/** Attributes to move along, then those to hold; for each of all, which others its move leaves alone: none for those held. */
interface Task {
  readonly attributes: readonly Attribute[];
  readonly kept: readonly (readonly number[])[];
  /** What asked for it, for messages. */
  readonly flag: string;
}

/** What is left of a direction without the others' part must be this much of it. */
const leastRemainder = 0.05;

/** A move and its reader; and for each row of x a number that tells the attribute, by which it is scored. */
interface Learned extends Pick<Move, "shift" | "reader"> {
  readonly told: Float64Array;
}

/**
 * A move for each attribute, then one for each that is held, in the tangent space at the latents' mean. docs/editing.md
 * derives them.
 * @param attributes values by row of the latents
 * @throws ConfigError if two of them cannot be told apart and one should move without the other
 */
export function learnMoves(
  latents: Latents,
  attributes: readonly Attribute[],
  { method, orthogonal, held = [] }: LearnOptions,
): Move[] {
  return scope(() => {
    const x = tangents(latents.values, latents.latent, latents.fitted);
    const all = [...attributes, ...held];
    // What is held moves as it likes: only others are to leave it alone.
    const kept = all.map((_, i) =>
      i < attributes.length ? [...all.keys()].filter((j) => j !== i && (orthogonal || j >= attributes.length)) : [],
    );
    const flag = [...(orthogonal ? ["--orthogonal"] : []), ...(held.length > 0 ? ["--hold"] : [])].join(" and ");
    const learn = method === "mean" ? meanMoves : linearMoves;
    const learned = learn(x, latents, { attributes: all, kept, flag });
    return all.map((attribute, i) => {
      const { shift, reader, told } = learned[i] as Learned;
      const heldOut = scoreOf(told, attribute, latents);
      return { name: attribute.name, shift, reader, keeps: kept[i] as number[], heldOut };
    });
  });
}

/** The first `count` moves as directions.json has them. */
export function directionsOf(
  moves: readonly Move[],
  count: number,
  { method, orthogonal }: Pick<LearnOptions, "method" | "orthogonal">,
): Record<string, Direction> {
  return Object.fromEntries(
    moves.slice(0, count).map(({ name, shift, keeps, shown, heldOut }) => {
      const holds = keeps.map((j) => (moves[j] as Move).name);
      const direction = { vector: [...unitVector(shift)], unit: norm(shift), method, orthogonal };
      return [
        name,
        { ...direction, ...(holds.length > 0 && { holds }), ...(shown && { shown }), ...(heldOut && { heldOut }) },
      ];
    }),
  );
}

/** From one side's mean latent to the other's, as far as the latents spread that way. */
function meanMoves(x: Tensor, latents: Latents, task: Task): Learned[] {
  const found = task.attributes.map((attribute) => unitVector(covariance(...labelled(x, latents, attribute))));
  return task.kept.map((_, i) => {
    const vector = apart(found, i, task);
    const told = along(x, vector);
    const spread = deviationOf(latents.fitted.map((row) => told[row] as number));
    return { shift: vector.map((value) => value * spread), reader: found[i] as Float64Array, told };
  });
}

/**
 * The likeliest move of a latent (of least Mahalanobis length) that raises what a regression tells of the attribute by its
 * standard deviation, and leaves what is told of those to be kept. Along the regression's own weights the
 * latents hardly vary, so that the generator does not know what lies there.
 */
function linearMoves(x: Tensor, latents: Latents, task: Task): Learned[] {
  const { attributes, kept } = task;
  const weights = attributes.map((attribute) => weightsOf(attribute, ...labelled(x, latents, attribute)));
  return scope(() => {
    const fitted = rowsOf(x, latents.fitted);
    const w = tensor(Float64Array.from(weights.flatMap((each) => [...each])), [weights.length, latents.latent]);
    const told = fitted.sub(fitted.mean([0], true)).matmul(w.transpose(0, 1));
    // Of the latents with what is told, [latent, attributes]; and of what is told, [attributes, attributes].
    const shared = fitted.transpose(0, 1).matmul(told).div(latents.fitted.length);
    const between = told.transpose(0, 1).matmul(told).div(latents.fitted.length);
    const variances = diagonal(between).toTypedArray() as Float64Array;
    return kept.map((others, i) => {
      // The attribute itself comes first.
      const chosen = tensor(Int32Array.from([i, ...others]));
      const among = between.indexSelect(0, chosen).indexSelect(1, chosen);
      const named = [i, ...others].map((j) => attributes[j] as Attribute);
      const shift = shared.indexSelect(1, chosen).matmul(inverse(among, named, task.flag).select(1, 0));
      const reader = weights[i] as Float64Array;
      return {
        shift: shift.mul(Math.sqrt(variances[i] as number)).toTypedArray() as Float64Array,
        reader,
        told: along(x, reader),
      };
    });
  });
}

/** @throws ConfigError if what is told of an attribute nearly follows from what is told of the others */
function inverse(between: Tensor, attributes: readonly Attribute[], flag: Task["flag"]): Tensor {
  const variances = diagonal(between).toTypedArray() as Float64Array;
  // Singular ones are not inverted: a little of each variance is added, far less than what is asked to remain.
  const lift = leastRemainder ** 2 / 1000;
  const lifted = between.add(diagonalOf(variances.map((value) => value * lift)));
  const precisions = diagonal(inv(lifted)).toTypedArray() as Float64Array;
  for (const [i, variance] of variances.entries()) {
    // The share of its variance that the others leave unexplained.
    const remains = 1 / ((precisions[i] as number) * variance);
    if (!(remains > leastRemainder ** 2)) {
      const others = attributes.filter((_, j) => j !== i);
      throw inseparable(attributes[i], others, flag);
    }
  }
  return inv(between);
}

/** [n, n] with these on its diagonal. */
const diagonalOf = (values: Float64Array): Tensor => {
  const n = values.length;
  return tensor(
    Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? (values[at / (n + 1)] as number) : 0)),
    [n, n],
  );
};

/** The directions of most variance, pc1, pc2 ...; their units are standard deviations. */
export function principalDirections({ values, latent, fitted }: Latents, count?: number): Record<string, Direction> {
  return scope(() => {
    const x = rowsOf(tangents(values, latent, fitted), fitted);
    const centred = x.sub(x.mean([0], true));
    const { values: variances, vectors } = eigh(centred.transpose(0, 1).matmul(centred).div(fitted.length));
    const spread = variances.toTypedArray() as Float64Array;
    // The tangent space has one dimension fewer than the latents.
    const most = Math.min(latent - 1, fitted.length - 1);
    if (count !== undefined && count > most) {
      throw new ConfigError(
        `--components ${count}: ${fitted.length} latents of ${latent} coordinates have at most ${most}`,
      );
    }
    const columns = count ?? Math.min(defaultComponents, most);
    return Object.fromEntries(
      Array.from({ length: columns }, (_, i) => {
        const column = latent - 1 - i;
        const vector = vectors.select(1, column).toTypedArray() as Float64Array;
        // Of v and -v the one whose largest coordinate is above 0, so that the same latents give the same directions.
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

/** A vector without its part in the span of those to be kept, so that moving along it leaves what they measure. */
function apart(vectors: readonly Float64Array[], i: number, { attributes, kept, flag }: Task): Float64Array {
  const others = kept[i] ?? [];
  const basis: Float64Array[] = [];
  for (const j of others) {
    const rest = without(vectors[j] as Float64Array, basis);
    if (norm(rest) > leastRemainder) basis.push(unitVector(rest));
  }
  const rest = without(vectors[i] as Float64Array, basis);
  if (norm(rest) < leastRemainder) {
    const named = others.map((j) => attributes[j]);
    throw inseparable(attributes[i], named, flag);
  }
  return unitVector(rest);
}

const inseparable = (
  one: Attribute | undefined,
  others: readonly (Attribute | undefined)[],
  flag: Task["flag"],
): ConfigError =>
  new ConfigError(
    `${flag}: ${one?.name} cannot be told apart from ${others.map((other) => other?.name).join(", ")}; leave one of them out`,
  );

/** The rows to learn an attribute from, and its values. */
function labelled(x: Tensor, { fitted }: Latents, attribute: Attribute): [Tensor, Float64Array] {
  const rows = known(fitted, attribute);
  return [rowsOf(x, rows), Float64Array.from(rows, (row) => attribute.values[row] as number)];
}

const along = (x: Tensor, vector: Float64Array): Float64Array =>
  scope(() => x.matmul(tensor(vector)).toTypedArray() as Float64Array);

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

/** How well what is told of an attribute fits the attribute of images it was not learned from. */
function scoreOf(told: Float64Array, attribute: Attribute, latents: Latents): Direction["heldOut"] {
  const pairs = (rows: readonly number[]) =>
    known(rows, attribute).map((row) => [told[row] as number, attribute.values[row] as number] as const);
  const [fitted, tested] = [pairs(latents.fitted), pairs(latents.heldOut)];
  if (tested.length === 0) return undefined;
  if (attribute.kind === "category") {
    const side = (which: number) => meanOf(fitted.filter(([, y]) => y === which).map(([place]) => place));
    const threshold = (side(0) + side(1)) / 2;
    const rate = (which: number) => {
      const own = tested.filter(([, y]) => y === which);
      return own.filter(([place]) => (place > threshold ? 1 : 0) === which).length / own.length;
    };
    // Of each side by itself, so that a rare one counts as much: 0.5 is what guessing gives.
    const value = (rate(0) + rate(1)) / 2;
    return Number.isNaN(value) ? undefined : { kind: "accuracy", value, count: tested.length };
  }
  const [meanPlace, meanY] = [meanOf(fitted.map(([place]) => place)), meanOf(fitted.map(([, y]) => y))];
  const sum = (term: (place: number, y: number) => number) =>
    fitted.reduce((total, [place, y]) => total + term(place - meanPlace, y - meanY), 0);
  const slope = sum((place, y) => place * y) / sum((place) => place * place);
  const mean = meanOf(tested.map(([, y]) => y));
  const total = tested.reduce((all, [, y]) => all + (y - mean) ** 2, 0);
  if (!(total > 0)) return undefined; // all the same: nothing to tell
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
