import { conv2d, scope, type Tensor, tensor, zeros } from "pioneer-torch";
import { reflectionPad } from "../compute/operators.ts";

/** Of the pyramid of Burt & Adelson 1983: 1 4 6 4 1 over 16 in each direction. */
const kernel = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16];

/**
 * Band-pass images, finest first: each level less what the next one tells of it, and last what remains.
 * @param x      [n, c, r, r], floating; r divisible by 2^(levels - 1)
 * @param levels 1 or more
 * @returns      levels of [n, c, r / 2^i, r / 2^i]
 * @see Karras et al. 2018, metrics/sliced_wasserstein.py; down and up as OpenCV's pyrDown and pyrUp, mirrored at the edges
 */
export function laplacianPyramid(x: Tensor, levels: number): Tensor[] {
  return scope(() => {
    const pyramid: Tensor[] = [];
    let level = x;
    for (let i = 1; i < levels; i++) {
      const next = down(level);
      pyramid.push(level.sub(up(next)));
      level = next;
    }
    return [...pyramid, level.clone()];
  });
}

/** Blurred, every second pixel. */
function down(x: Tensor): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return scope(() =>
    blur(x)
      .reshape([n, c, h / 2, 2, w / 2, 2])
      .select(5, 0)
      .select(3, 0)
      .contiguous(),
  );
}

/** Zeros between the pixels, blurred and brightened. */
function up(x: Tensor): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return scope(() => {
    const spread = zeros([n, c, h, 2, w, 2], { dtype: x.dtype, device: x.device });
    spread.select(5, 0).select(3, 0).copy_(x);
    return blur(spread.reshape([n, c, 2 * h, 2 * w])).mul(4);
  });
}

function blur(x: Tensor): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return scope(() => {
    const weights = tensor(kernel).to(x.dtype).to(x.device);
    const padded = reflectionPad(x.reshape([n * c, 1, h, w]), [2, 2, 2, 2]);
    return conv2d(conv2d(padded, weights.reshape([1, 1, 1, 5]), null), weights.reshape([1, 1, 5, 1]), null).reshape([
      n,
      c,
      h,
      w,
    ]);
  });
}
