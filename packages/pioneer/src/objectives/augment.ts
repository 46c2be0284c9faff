// Random changes of images before the encoder, for small data sets (--augment): DiffAugment's, Zhao et al. 2020,
// "Differentiable Augmentation for Data-Efficient GAN Training" (arXiv:2006.10738): colour, translation, cutout.
import { arange, type Device, type RandomGenerator, rand, scope, type Tensor, tensor, upload } from "pioneer-torch";

/** What one image goes through. */
export interface Change {
  /** Added to all values. */
  readonly brightness: number;
  /** Factor of the differences of a pixel's colours to their mean: 0 is grey, 1 as it is. */
  readonly saturation: number;
  /** Factor of the differences to the image's mean: 0 is flat, 1 as it is. */
  readonly contrast: number;
  /** Whole pixels, down and to the right; what comes in is 0, mid-grey. */
  readonly shift: readonly [y: number, x: number];
  /** Row and column of the middle of a hole of half the width and height, filled with 0; beyond the image for none. */
  readonly hole: readonly [y: number, x: number];
}

/** Images as they are. */
const unchanged: Change = { brightness: 0, saturation: 1, contrast: 1, shift: [0, 0], hole: [-1e4, -1e4] };

/** Of the width: the largest shift, and the hole. */
const shiftShare = 1 / 8;
const holeShare = 1 / 2;

/**
 * A change for each image: colour, translation and cutout, each with probability 1/2, in DiffAugment's ranges. There every
 * image gets all three; here one of eight stays as it is, because the codes of unchanged photos, which E is there for, must
 * be among those that the KL terms spread over the sphere.
 * @returns [batch, 7], float32, for `augmented`
 */
export function drawChanges(batch: number, resolution: number, random: RandomGenerator, device: Device): Tensor {
  const perImage = 10;
  const drawn = scope(() => rand([batch, perImage], random, 0, 1, "float64").toTypedArray() as Float64Array);
  const changes = Array.from({ length: batch }, (_, i) =>
    changeOf([...drawn.subarray(i * perImage, (i + 1) * perImage)], resolution),
  );
  return upload(changesTensor(changes), device);
}

/** @param uniform ten numbers in [0, 1) */
function changeOf(uniform: readonly number[], resolution: number): Change {
  const [colour, moved, cut, ...u] = uniform as [number, number, number, ...number[]];
  const [brightness, saturation, contrast, down, right, holeY, holeX] = u as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const most = Math.round(resolution * shiftShare);
  const upTo = (count: number, of: number) => Math.floor(of * count);
  return {
    ...unchanged,
    ...(colour < 0.5 && { brightness: brightness - 0.5, saturation: 2 * saturation, contrast: contrast + 0.5 }),
    ...(moved < 0.5 && { shift: [upTo(2 * most + 1, down) - most, upTo(2 * most + 1, right) - most] as const }),
    ...(cut < 0.5 && { hole: [upTo(resolution + 1, holeY), upTo(resolution + 1, holeX)] as const }),
  };
}

/** Changes as numbers: [images, 7], float32, on the CPU. */
export function changesTensor(changes: readonly Change[]): Tensor {
  const rows = changes.flatMap(({ brightness, saturation, contrast, shift, hole }) => [
    brightness,
    saturation,
    contrast,
    ...shift,
    ...hole,
  ]);
  return tensor(Float32Array.from(rows), [changes.length, rows.length / changes.length]);
}

/**
 * Images through their changes: brightness, saturation, contrast, translation, hole, in this order. Differentiable; the
 * same operators whatever the changes are, so that a recorded step launches them again with others.
 * @param images [n, 3, r, r], about [-1, 1], float32
 * @param changes [n, 7], as drawn
 * @returns as the images; not clamped
 */
export function augmented(images: Tensor, changes: Tensor): Tensor {
  const [n, , r] = images.shape as [number, number, number];
  const [brightness, saturation, contrast, down, right, holeY, holeX] = Array.from({ length: 7 }, (_, i) =>
    changes.narrow(1, i, 1).reshape([n, 1, 1, 1]),
  ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const bright = images.add(brightness);
  const coloured = scaledAbout(bright, bright.mean([1], true), saturation);
  const contrasted = scaledAbout(coloured, coloured.mean([1, 2, 3], true), contrast);

  const column = arange(r, { device: images.device }).reshape([1, 1, r, 1]);
  const row = column.transpose(2, 3);
  // Products with identities whose diagonals are shifted: [to, from] for rows, [from, to] for columns.
  const moved = isZero(column.sub(row).sub(down))
    .matmul(contrasted)
    .matmul(isZero(row.sub(column).sub(right)));
  const hole = isInHole(column.sub(holeY), r).mul(isInHole(row.sub(holeX), r));
  return moved.mul(hole.neg().add(1));
}

const scaledAbout = (x: Tensor, mean: Tensor, factor: Tensor): Tensor => x.sub(mean).mul(factor).add(mean);

/** Of whole numbers: 1 where they are 0. */
const isZero = (whole: Tensor): Tensor => whole.abs().neg().add(1).clamp(0, null);

/** Of whole distances to the middle: 1 from minus half a hole to half a hole, the end not included. */
const isInHole = (distance: Tensor, resolution: number): Tensor =>
  distance
    .add(0.5)
    .abs()
    .neg()
    .add((resolution * holeShare + 1) / 2)
    .clamp(0, 1);
