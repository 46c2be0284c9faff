import { Rng } from "./rng.ts";
import { dot } from "./vectors.ts";

// Geometry of the latent space, the unit sphere in R^dim. A latent is a Float32Array [dim] of length 1; several are
// one Float32Array [count * dim], row after row. Sums are taken in float64.

/** Below this sine of the angle, float32 rounding decides the direction from one latent to the other. */
const parallelSine = 1e-6;

/**
 * Latents uniform on the sphere: normalised Gaussian vectors.
 * @param count rows, at least 0; the first rows do not depend on it
 * @param dim   dimension of the latent space, at least 2
 * @returns [count * dim], the same for the same seed on every machine
 */
export function sampleLatents(count: number, dim: number, seed: number): Float32Array {
  if (!Number.isInteger(count) || count < 0)
    throw new RangeError(`sampleLatents: expected a count of rows, got ${count}`);
  return latentSampler(dim, seed)(count);
}

/**
 * The same latents, some at a time: each call gives the rows that follow those before.
 * @param dim dimension of the latent space, at least 2
 * @returns   a function from a count of rows to [count * dim]
 */
export function latentSampler(dim: number, seed: number): (count: number) => Float32Array {
  if (!Number.isInteger(dim) || dim < 2) throw new RangeError(`sampleLatents: expected dim ≥ 2, got ${dim}`);
  const rng = new Rng(seed);
  const row = new Float64Array(dim);
  return (count) => {
    const latents = new Float32Array(count * dim);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < dim; j++) row[j] = rng.normal();
      latents.set(normalized(row), i * dim);
    }
    return latents;
  };
}

/**
 * Spherical interpolation sin((1-t)w)/sin(w) a + sin(tw)/sin(w) b, w the angle between a and b (docs/algorithm.md,
 * section 6). Computed as cos(tw) a + sin(tw) p, p the direction from a to b, which is the same and stays exact near w = π.
 * Nearly equal latents are mixed linearly; for opposite ones, where every great circle is a shortest way, the one
 * through the coordinate axis farthest from them is taken.
 * @param a [dim], any length but 0
 * @param b [dim]
 * @param t 0 gives a, 1 gives b; values outside go on along the circle
 * @returns [dim], length 1
 */
export function slerp(a: Float32Array, b: Float32Array, t: number): Float32Array {
  if (a.length !== b.length)
    throw new RangeError(`slerp: latents of ${a.length} and ${b.length} coordinates do not mix`);
  const from = normalized(a);
  const to = normalized(b);
  const cosine = dot(from, to);
  let across = to.map((value, i) => value - cosine * at(from, i));
  const sine = Math.sqrt(dot(across, across));
  if (sine < parallelSine) {
    if (cosine > 0) return Float32Array.from(normalized(from.map((value, i) => (1 - t) * value + t * at(to, i))));
    across = perpendicular(from);
  }
  const direction = normalized(across);
  const angle = t * Math.atan2(sine, cosine);
  return Float32Array.from(from, (value, i) => Math.cos(angle) * value + Math.sin(angle) * at(direction, i));
}

/**
 * The way from a to b in n equal steps, both ends included.
 * @returns [n * dim], n ≥ 2
 */
export function latentStrip(a: Float32Array, b: Float32Array, n: number): Float32Array {
  checkSteps("latentStrip", n);
  const strip = new Float32Array(n * a.length);
  for (let i = 0; i < n; i++) strip.set(slerp(a, b, i / (n - 1)), i * a.length);
  return strip;
}

/**
 * The n × n grid between four latents: first along the left and right edges, then across each row.
 * @param corners top-left, top-right, bottom-left, bottom-right, each [dim]
 * @returns [n * n * dim], row by row from the top, n ≥ 2
 */
export function latentGrid(
  corners: readonly [Float32Array, Float32Array, Float32Array, Float32Array],
  n: number,
): Float32Array {
  checkSteps("latentGrid", n);
  const [topLeft, topRight, bottomLeft, bottomRight] = corners;
  const dim = topLeft.length;
  const grid = new Float32Array(n * n * dim);
  for (let row = 0; row < n; row++) {
    const left = slerp(topLeft, bottomLeft, row / (n - 1));
    const right = slerp(topRight, bottomRight, row / (n - 1));
    grid.set(latentStrip(left, right, n), row * n * dim);
  }
  return grid;
}

/** Row `index` of latents [count * dim], a view. */
export function latentRow(latents: Float32Array, dim: number, index: number): Float32Array {
  return latents.subarray(index * dim, (index + 1) * dim);
}

/**
 * Each row divided by its length.
 * @param vectors [count * dim]
 * @throws RangeError for a row of length 0, or not finite
 */
export function normalizeLatents(vectors: Float32Array | Float64Array, dim: number): Float32Array {
  const latents = new Float32Array(vectors.length);
  for (let at = 0; at < vectors.length; at += dim) latents.set(normalized(vectors.subarray(at, at + dim)), at);
  return latents;
}

function checkSteps(who: string, n: number): void {
  if (!Number.isInteger(n) || n < 2) throw new RangeError(`${who}: expected at least 2 steps, got ${n}`);
}

function normalized(vector: Float32Array | Float64Array): Float64Array<ArrayBuffer> {
  const length = Math.sqrt(dot(vector, vector));
  if (!(length > 0 && length < Infinity)) throw new RangeError(`latent: a vector of length ${length} has no direction`);
  return Float64Array.from(vector, (value) => value / length);
}

/** The part of the axis farthest from a unit vector that is perpendicular to it. */
function perpendicular(unit: Float64Array): Float64Array<ArrayBuffer> {
  let axis = 0;
  for (let i = 1; i < unit.length; i++) if (Math.abs(at(unit, i)) < Math.abs(at(unit, axis))) axis = i;
  const along = at(unit, axis);
  return Float64Array.from(unit, (value, i) => (i === axis ? 1 : 0) - along * value);
}

/** An element that is known to exist. */
function at(vector: Float32Array | Float64Array, index: number): number {
  return vector[index] as number;
}
