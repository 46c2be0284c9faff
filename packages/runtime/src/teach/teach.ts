import type { LearnedDirection } from "../folder.ts";
import { centred, combined, dot, meanOf, unitVector } from "../vectors.ts";
import { logistic, predict } from "./logistic.ts";
import { TangentSpace } from "./tangent.ts";

// A direction from few pictures that a person sorted into those that have something and those that have not. The
// arithmetic is that of `pioneer directions` (docs/editing.md) for one attribute, without libtorch.

export interface Sorted {
  /** Latents of pictures that have it, rows of length 1. */
  readonly yes: readonly Float32Array[];
  /** Of those that do not. */
  readonly no: readonly Float32Array[];
}

export interface Taught {
  /** As directions.json has it; `heldOut` by cross-validation, where there are enough. */
  readonly direction: LearnedDirection;
  /** Above 0 for a picture that seems to have it; near 0 is unsure. */
  readonly score: (latent: Float32Array) => number;
}

/** Fewer pictures a side teach nothing. */
export const leastTaught = 3;
/** With fewer a side there are none to hold out. */
const leastToHoldOut = 5;
const folds = 5;
const bothTheSame = "both sides are the same: they teach no direction";

/**
 * @param method "mean": from one side's mean to the other's; "linear": the likeliest move that raises the prediction of a
 * logistic regression. Strength 1 is a standard deviation, of the latents that way or of the prediction
 * @throws RangeError for fewer than `leastTaught` pictures a side
 */
export function teach(sorted: Sorted, method: "mean" | "linear"): Taught {
  const { yes, no } = sorted;
  if (Math.min(yes.length, no.length) < leastTaught) {
    throw new RangeError(
      `expected at least ${leastTaught} pictures a side, got ${yes.length} with it and ${no.length} without`,
    );
  }
  const { vector, unit, score } = fit(sorted, method);
  const heldOut = crossValidated(sorted, method);
  const count = yes.length + no.length;
  return {
    direction: {
      vector: [...vector],
      unit,
      method,
      orthogonal: false,
      fitted: { count, missing: 0 },
      ...(heldOut && { heldOut }),
    },
    score,
  };
}

interface Fit {
  readonly vector: Float64Array;
  readonly unit: number;
  readonly score: (latent: Float32Array) => number;
}

function fit({ yes, no }: Sorted, method: "mean" | "linear"): Fit {
  const all = [...yes, ...no];
  const space = new TangentSpace(all);
  const x = all.map((latent) => space.of(latent));
  const y = all.map((_, i) => (i < yes.length ? 1 : 0));
  return method === "mean" ? fitMean(space, x, y) : fitLinear(space, x, y);
}

/** Which way the one side's mean lies from the other's; unsure is the middle between the two. */
function fitMean(space: TangentSpace, x: readonly Float64Array[], y: readonly number[]): Fit {
  const share = meanOf(y);
  const vector = unitVector(
    combined(
      centred(x).rows,
      y.map((value) => value - share),
    ),
    bothTheSame,
  );
  const places = x.map((row) => dot(row, vector));
  const side = (which: number) => meanOf(places.filter((_, i) => y[i] === which));
  const middle = (side(0) + side(1)) / 2;
  return { vector, unit: deviationOf(places), score: (latent) => dot(space.of(latent), vector) - middle };
}

/** For latents with covariance Σ and a regression's weights w: Σw / sqrt(w'Σw). */
function fitLinear(space: TangentSpace, x: readonly Float64Array[], y: readonly number[]): Fit {
  const model = logistic(x, y);
  const { rows } = centred(x);
  const told = Float64Array.from(rows, (row) => dot(row, model.weights));
  const shared = combined(
    rows,
    told.map((value) => value / rows.length),
  );
  const deviation = Math.sqrt(dot(told, told) / rows.length);
  return {
    vector: unitVector(shared, bothTheSame),
    unit: Math.sqrt(dot(shared, shared)) / deviation,
    score: (latent) => predict(space.of(latent), model),
  };
}

/** Each fifth of either side is told by what the others taught. The mean of both sides' accuracy: guessing gives 0.5. */
function crossValidated({ yes, no }: Sorted, method: "mean" | "linear") {
  if (Math.min(yes.length, no.length) < leastToHoldOut) return undefined;
  let [rightYes, rightNo] = [0, 0];
  for (let fold = 0; fold < folds; fold++) {
    const others = (list: readonly Float32Array[]) => list.filter((_, i) => i % folds !== fold);
    const own = (list: readonly Float32Array[]) => list.filter((_, i) => i % folds === fold);
    const { score } = fit({ yes: others(yes), no: others(no) }, method);
    rightYes += own(yes).filter((latent) => score(latent) > 0).length;
    rightNo += own(no).filter((latent) => score(latent) <= 0).length;
  }
  const value = (rightYes / yes.length + rightNo / no.length) / 2;
  return { kind: "accuracy" as const, value, count: yes.length + no.length };
}

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
}
