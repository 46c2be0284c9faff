import { eigh, noGrad, scope, type Tensor } from "pioneer-torch";

/**
 * The vector u of a spectral norm at the largest singular value: the first left singular vector of W as
 * [out, in · kh · kw], so that one more power iteration gives sigma exactly. In float64, by W W'. The sign, which
 * nothing depends on, makes the largest element positive.
 * @param weight [out, in, kh, kw], finite
 * @returns u [out, 1], float32
 */
export function exactU(weight: Tensor): Tensor {
  return noGrad(() =>
    scope(() => {
      const rows = weight.size(0);
      const matrix = weight.to("float64").reshape([rows, -1]);
      const { vectors } = eigh(matrix.matmul(matrix.transpose(0, 1)));
      const u = vectors.narrow(1, rows - 1, 1);
      const isNegative = u.max().item() < -u.min().item();
      return (isNegative ? u.neg() : u).to("float32").contiguous();
    }),
  );
}
