import { joined } from "./joined.ts";
import { slerp } from "./latent.ts";
import { Rng } from "./rng.ts";
import { basisOf, combined, dot } from "./vectors.ts";

// Ways over the sphere for animations, and the hexagon between six latents. A latent is a Float32Array [dim] of length 1.

/**
 * The way round some latents and back to the first, by great circles: of two, there and back. Its last row comes just before
 * the first one again, so that it repeats without a jump.
 * @param corners at least 2, each [dim]
 * @param n       rows from one latent to the next, the next not included, at least 1
 * @returns [corners.length * n * dim]; row k * n is corner k
 */
export function latentRing(corners: readonly Float32Array[], n: number): Float32Array {
  const [first] = corners;
  if (first === undefined || corners.length < 2 || !Number.isInteger(n) || n < 1) {
    throw new RangeError(`latentRing: expected 2 or more latents and 1 or more rows, got ${corners.length} and ${n}`);
  }
  const ring = new Float32Array(corners.length * n * first.length);
  for (const [k, corner] of corners.entries()) {
    const next = corners[(k + 1) % corners.length] ?? first;
    for (let i = 0; i < n; i++) ring.set(slerp(corner, next, i / n), (k * n + i) * first.length);
  }
  return ring;
}

/**
 * A random walk that closes: sum over k = 1 ... turns of (a_k cos kt + b_k sin kt) / sqrt(turns), a_k and b_k the members of a
 * random orthonormal frame, t from 0 to 2π. It is smooth, never leaves the sphere, and its speed is constant: any two rows
 * one step apart have the same angle, the last and the first too. Each row alone is uniform on the sphere.
 * @param n     rows, at least 2; the last comes just before the first one again
 * @param dim   dimension of the latent space, at least 2 · turns
 * @param turns how many frequencies: more of them, more of a walk; 1 is a great circle. See `loopLength`
 * @param seed  the same walk on every machine
 * @returns [n * dim]
 */
export function latentLoop(n: number, dim: number, turns: number, seed: number): Float32Array {
  if (!Number.isInteger(n) || n < 2) throw new RangeError(`latentLoop: expected at least 2 rows, got ${n}`);
  if (!Number.isInteger(turns) || turns < 1 || 2 * turns > dim) {
    throw new RangeError(`latentLoop: expected 1 to ${Math.floor(dim / 2)} turns in ${dim} dimensions, got ${turns}`);
  }
  const frame = orthonormalFrame(2 * turns, dim, seed);
  const loop = new Float32Array(n * dim);
  for (let i = 0; i < n; i++) {
    const weights = frame.map((_, j) => {
      const angle = ((Math.floor(j / 2) + 1) * 2 * Math.PI * i) / n;
      return (j % 2 === 0 ? Math.cos(angle) : Math.sin(angle)) / Math.sqrt(turns);
    });
    loop.set(combined(frame, weights), i * dim);
  }
  return loop;
}

/** Length of `latentLoop` in radians: 2π sqrt(mean of k² over k = 1 ... turns). Two random latents are about π/2 apart. */
export function loopLength(turns: number): number {
  return 2 * Math.PI * Math.sqrt(((turns + 1) * (2 * turns + 1)) / 6);
}

/**
 * Hexagonal cells between six latents at the corners of a hexagon, in rows of n, n + 1, ... 2n - 1, ... n + 1, n. The centre is
 * the corners' mean, brought back to the sphere. From there each cell of a ring lies on the great circle between its two
 * spokes, so that a spoke is the way from the centre to a corner, and an edge the way between two corners.
 * @param corners clockwise from the top left, each [dim]
 * @param n       cells of an edge, both corners included, at least 2
 * @returns [(3n(n - 1) + 1) * dim], row by row from the top; `hexagonRows` tells how many each row has
 * @throws RangeError if the corners cancel out and have no mean
 */
export function latentHexagon(corners: readonly Float32Array[], n: number): Float32Array {
  if (corners.length !== 6 || !Number.isInteger(n) || n < 2) {
    throw new RangeError(`latentHexagon: expected 6 latents and at least 2 steps, got ${corners.length} and ${n}`);
  }
  const centre = mean(corners);
  const spokes = corners.map((corner) => Array.from({ length: n }, (_, d) => slerp(centre, corner, d / (n - 1))));
  const spoke = (k: number, d: number) => spokes[k % 6]?.[d] as Float32Array;
  const latents: Float32Array[] = [];
  for (const [row, length] of hexagonRows(n).entries()) {
    for (let column = 0; column < length; column++) {
      const { ring, sector, along } = placeInRing(row, column, n);
      const cell = ring === 0 ? centre : slerp(spoke(sector, ring), spoke(sector + 1, ring), along / ring);
      latents.push(cell);
    }
  }
  return joined(Float32Array, latents);
}

/** Cells in each row of a hexagon, from the top. @param n cells of an edge */
export function hexagonRows(n: number): number[] {
  return Array.from({ length: 2 * n - 1 }, (_, row) => 2 * n - 1 - Math.abs(row - (n - 1)));
}

/** Clockwise: from each corner, top left first, the way along the edge to the next one, as steps in cube coordinates. */
const corner = [
  [0, -1],
  [1, -1],
  [1, 0],
  [0, 1],
  [-1, 1],
  [-1, 0],
] as const;

/** @returns how far from the centre a cell is, after which corner it comes, clockwise, and how many cells after it */
function placeInRing(row: number, column: number, n: number): { ring: number; sector: number; along: number } {
  // Axial coordinates (q to the right, r down and to the right) with the centre at 0.
  const r = row - (n - 1);
  const q = column - (n - 1) - Math.min(0, r);
  const ring = Math.max(Math.abs(q), Math.abs(r), Math.abs(q + r));
  if (ring === 0) return { ring, sector: 0, along: 0 };
  for (const [sector, [q0, r0]] of corner.entries()) {
    const [q1, r1] = corner[(sector + 1) % 6] as readonly [number, number];
    // Cell = ring · corner + along · (next corner - corner).
    const [dq, dr] = [q1 - q0, r1 - r0];
    const along = dq !== 0 ? (q - ring * q0) / dq : (r - ring * r0) / dr;
    if (along >= 0 && along < ring && q === ring * q0 + along * dq && r === ring * r0 + along * dr) {
      return { ring, sector, along };
    }
  }
  throw new RangeError(`latentHexagon: no cell ${column} in row ${row}`);
}

/** The mean of points of the sphere, brought back to it: the point with the least sum of squared distances to them. */
function mean(latents: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(latents[0]?.length ?? 0);
  for (const latent of latents) for (const [i, value] of latent.entries()) sum[i] = (sum[i] ?? 0) + value;
  const length = Math.sqrt(dot(sum, sum));
  if (!(length > 1e-6)) throw new RangeError("latentHexagon: the six latents cancel out and have no mean; take others");
  return Float32Array.from(sum, (value) => value / length);
}

/** Random perpendicular vectors of length 1: the basis that Gaussian ones have. */
function orthonormalFrame(count: number, dim: number, seed: number): Float64Array[] {
  const rng = new Rng(seed);
  return basisOf(Array.from({ length: count }, () => Float64Array.from({ length: dim }, () => rng.normal())));
}
