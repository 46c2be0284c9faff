// Winograd's minimal filtering (Lavin and Gray, arXiv:1509.09308): a tile of 4x4 outputs of a 3x3 convolution is
// output ((kernel taps) * (input pixels)), where * multiplies 36 numbers one by one, and a convolution has 144 products. The three
// matrices, in both directions, pixels and taps counted row by row.

type Matrix = readonly (readonly number[])[];

/** Height and width of a tile's outputs; it sees one pixel more on each side. */
export const tileSide = 4;

/**
 * Where polynomials are evaluated, besides infinity. Those of Lavin and Gray (0, 1, -1, 2, -2) round twice as much: 2.3e-6 of the
 * output against 1.1e-6, where the convolution itself has 0.7e-6 (128 channels, float32, simulated). On choosing points see Barabasz
 * et al., arXiv:1803.10986.
 */
const points = [0, 0.75, -0.75, 1.5, -1.5];

/** Coefficients of the product of (x - root) over the roots, the constant one first. */
const polynomial = (roots: readonly number[]): number[] => {
  let product = [1];
  for (const root of roots) product = [...product, 0].map((p, i) => (product[i - 1] ?? 0) - root * p);
  return product;
};

/** The length's last unit vector: what infinity sees. */
const last = (length: number) => Array.from({ length }, (_, i) => (i === length - 1 ? 1 : 0));

const othersThan = (point: number) => points.filter((other) => other !== point);

/** Kronecker product of a matrix with itself, as one list. */
const inBothDirections = (matrix: Matrix): number[] =>
  matrix.flatMap((a) => matrix.flatMap((b) => a.flatMap((x) => b.map((y) => x * y))));

/** [36, 9] */
export const kernelOfTile = inBothDirections([
  ...points.map((point) => {
    const scale = othersThan(point).reduce((product, other) => product * (point - other), 1);
    return [1, point, point ** 2].map((power) => power / scale);
  }),
  last(3),
]);

/** [36, 6 * 6] */
export const inputOfTile = inBothDirections([
  ...points.map((point) => [...polynomial(othersThan(point)), 0]),
  polynomial(points),
]);

/** [4 * 4, 36] */
export const outputOfTile = inBothDirections(
  [0, 1, 2, 3].map((row) => [...points.map((point) => point ** row), last(tileSide)[row] as number]),
);
