import { operator, scope, type Tensor, tensor } from "pioneer-torch";

const argmin = operator<[x: Tensor, dim: number], Tensor>("aten::argmin");

/**
 * Share of images that are nearer to the one of their own number than to any other, by the sum of squared differences of pixels.
 * @param images, others [count, 3, r, r]
 */
export function shareNearestOwn(images: Float32Array, others: Float32Array, count: number): number {
  return scope(() => {
    const [x, y] = [images, others].map((values) => tensor(values, [count, values.length / count])) as [Tensor, Tensor];
    // |x|² is the same for all others.
    const distances = y
      .square()
      .sum([1])
      .sub(x.matmul(y.transpose(0, 1)).mul(2));
    const nearest = argmin(distances, 1).toTypedArray();
    return Array.from(nearest, Number).filter((other, i) => other === i).length / count;
  });
}
