import type { Rng } from "pioneer-runtime/internal";
import { arange, scope, type Tensor, tensor } from "pioneer-torch";
import { laplacianPyramid } from "./laplacian-pyramid.ts";
import { type Evaluation, type Metric, type MetricValue, ofSamples } from "./metric.ts";
import { metricRandom } from "./random.ts";
import { scratch } from "./scratch.ts";
import { sortFloats } from "./sort.ts";

/** Width of a patch, and patches taken of every level of every image. */
const patchSize = 7;
const patchesPerImage = 128;
/** Values of a patch: three channels. */
const patchValues = 3 * patchSize ** 2;
const directionCount = 4 * 128;
/** Directions whose projections are in memory at once. */
const directionBlock = 16;
/** Smallest level. */
const smallestLevel = 16;

/** The sliced Wasserstein distance of samples and real images, times 1000: the mean over levels, and each level. */
export const metric: Metric = {
  needs: { samples: true, reals: true, asManyReals: true, images: 16, resolution: smallestLevel },
  async begin(evaluation) {
    const { subject, counts, seed, own } = evaluation;
    const create = async (whose: "samples" | "reals") =>
      own(await PatchSet.create(subject.resolution, counts[whose], metricRandom(seed, `swd patches of ${whose}`)));
    const samples = await create("samples");
    const reals = await create("reals");
    return {
      seeSamples: ({ pictures }) => samples.add(pictures),
      seeReals: ({ pictures }) => reals.add(pictures),
      values: () => valuesOf(evaluation, samples, reals),
    };
  },
};

function valuesOf(evaluation: Evaluation, samples: PatchSet, reals: PatchSet): MetricValue[] {
  const levels = scope(() => {
    const [a, b] = [samples.descriptors(), reals.descriptors()];
    return samples.sizes.map((size, i) => {
      const directions = drawDirections(metricRandom(evaluation.seed, `swd directions at ${size}`));
      return slicedWasserstein(a[i] as Descriptors, b[i] as Descriptors, directions);
    });
  });
  const mean = levels.reduce((sum, distance) => sum + distance, 0) / levels.length;
  return [
    ofSamples(evaluation, "swd", 1000 * mean, "lower"),
    ...levels.map((distance, i) => ofSamples(evaluation, "swd", 1000 * distance, "lower", `_${samples.sizes[i]}`)),
  ];
}

/** Sizes of the pyramid's levels, finest first; none below 16x16. */
export function levelSizes(resolution: number): number[] {
  const sizes: number[] = [];
  for (let size = resolution; size >= smallestLevel; size /= 2) sizes.push(size);
  return sizes;
}

/** Patches of one level of a set of images, with what normalises them. */
export interface Descriptors {
  /** [patches, 147]: of every patch its 7x7 pixels, channel by channel; float32. */
  readonly values: Tensor;
  /** Mean and standard deviation of each channel over all patches. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** What is kept of a level: its patches, and sums over them by channel. */
interface Level {
  readonly values: Tensor;
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** Patches of images that come in batches, on every level of their Laplacian pyramids; they lie on disk. */
export class PatchSet {
  readonly sizes: readonly number[];
  readonly #levels: Level[] = [];
  readonly #random: Rng;
  #patches = 0;

  private constructor(resolution: number, random: Rng) {
    this.sizes = levelSizes(resolution);
    this.#random = random;
  }

  /** @param images how many will be added @throws DataError if the disk has no room for their patches */
  static async create(resolution: number, images: number, random: Rng): Promise<PatchSet> {
    const set = new PatchSet(resolution, random);
    try {
      for (const _ of set.sizes) {
        const values = await scratch(images * patchesPerImage, patchValues);
        set.#levels.push({ values, sums: new Float64Array(3), squares: new Float64Array(3) });
      }
    } catch (error) {
      set.dispose();
      throw error;
    }
    return set;
  }

  /** @param images [n, 3, r, r], 0 to 255 */
  add(images: Tensor): void {
    const count = images.size(0) * patchesPerImage;
    scope(() => {
      const pyramid = laplacianPyramid(images.to("float32"), this.sizes.length);
      for (const [i, level] of pyramid.entries()) {
        const { values, sums, squares } = this.#levels[i] as Level;
        const patches = patchesAt(level, drawCorners(images.size(0), level.size(2), this.#random));
        values.narrow(0, this.#patches, count).copy_(patches);
        const channels = patches.to("float64").reshape([count, 3, patchSize ** 2]);
        addTo(sums, channels.sum([0, 2]));
        addTo(squares, channels.square().sum([0, 2]));
      }
    });
    this.#patches += count;
  }

  /** What was added so far, level by level. */
  descriptors(): Descriptors[] {
    const n = this.#patches * patchSize ** 2;
    return this.#levels.map(({ values, sums, squares }) => {
      const mean = [...sums].map((sum) => sum / n);
      const variance = [...squares].map((sum, c) => Math.max(0, sum / n - (mean[c] as number) ** 2));
      return { values: values.narrow(0, 0, this.#patches), mean, deviation: variance.map(Math.sqrt) };
    });
  }

  dispose(): void {
    for (const { values } of this.#levels) values.dispose();
  }
}

function addTo(sums: Float64Array, more: Tensor): void {
  (more.toTypedArray() as Float64Array).forEach((value, c) => {
    sums[c] = (sums[c] as number) + value;
  });
}

/** Places of the patches' top left corners: 128 in each image. @returns [images * 128 * 2], x and y in turn */
function drawCorners(images: number, size: number, random: Rng): Int32Array {
  return Int32Array.from({ length: images * patchesPerImage * 2 }, () => random.integer(size - patchSize + 1));
}

/**
 * Cuts patches out.
 * @param images  [n, 3, h, w]
 * @param corners x and y in turn, equally many for every image
 * @returns       [patches, 147]
 */
export function patchesAt(images: Tensor, corners: Int32Array): Tensor {
  const [n, , h, w] = images.shape as [number, number, number, number];
  const patches = corners.length / 2;
  const first = Int32Array.from({ length: patches }, (_, i) => {
    const image = Math.floor((i * n) / patches);
    return image * 3 * h * w + (corners[2 * i + 1] as number) * w + (corners[2 * i] as number);
  });
  return scope(() => {
    const axis = (size: number, stride: number) => arange(size, { dtype: "int32" }).mul(stride);
    const offsets = axis(3, h * w)
      .reshape([3, 1, 1])
      .add(axis(patchSize, w).reshape([patchSize, 1]))
      .add(axis(patchSize, 1));
    const places = tensor(first)
      .unsqueeze(1)
      .add(offsets.reshape([1, patchValues]));
    return images
      .reshape([-1])
      .indexSelect(0, places.reshape([-1]))
      .reshape([patches, patchValues]);
  });
}

/** Unit vectors in patch space, one after the other. @returns [512 * 147] */
export function drawDirections(random: Rng): Float32Array {
  const directions = new Float32Array(directionCount * patchValues);
  for (let at = 0; at < directions.length; at += patchValues) {
    const row = Float64Array.from({ length: patchValues }, () => random.normal());
    const length = Math.hypot(...row);
    directions.set(
      row.map((value) => value / length),
      at,
    );
  }
  return directions;
}

/**
 * Sliced Wasserstein distance: both sets of patches, normalised channel by channel, are projected on each direction; the
 * mean over directions of the 1-d Wasserstein distances between the projections.
 * @param a, b       equally many patches
 * @param directions [n * 147], unit vectors
 * @returns          not yet times 1000
 * @see Rabin et al. 2011; Karras et al. 2018, arXiv:1710.10196, section 5
 */
export function slicedWasserstein(a: Descriptors, b: Descriptors, directions: Float32Array): number {
  const count = directions.length / patchValues;
  let sum = 0;
  for (let at = 0; at < count; at += directionBlock) {
    const part = directions.subarray(at * patchValues, (at + directionBlock) * patchValues);
    const [p, q] = [sortedProjections(a, part), sortedProjections(b, part)];
    for (const [row, projections] of p.entries()) sum += meanDifference(projections, q[row] as Float32Array);
  }
  return sum / count;
}

/** Of each direction the patches' coordinates along it, ascending. The normalisation is folded into the directions. */
function sortedProjections({ values, mean, deviation }: Descriptors, directions: Float32Array): Float32Array[] {
  const perChannel = patchSize ** 2;
  const rows = directions.length / patchValues;
  // A channel that never changes is 0 after its mean is taken away.
  const scale = deviation.map((value) => (value > 0 ? 1 / value : 1));
  const channel = (i: number) => Math.floor((i % patchValues) / perChannel);
  const scaled = directions.map((value, i) => value * (scale[channel(i)] as number));
  const shifts = new Float32Array(rows);
  for (const [i, value] of scaled.entries()) {
    const row = Math.floor(i / patchValues);
    shifts[row] = (shifts[row] as number) + value * (mean[channel(i)] as number);
  }
  const projected = scope(() =>
    tensor(scaled, [rows, patchValues])
      .matmul(values.transpose(0, 1))
      .sub(tensor(shifts, [rows, 1]))
      .toFloat32Array(),
  );
  const patches = projected.length / rows;
  return Array.from({ length: rows }, (_, row) => sortFloats(projected.subarray(row * patches, (row + 1) * patches)));
}

function meanDifference(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] as number) - (b[i] as number));
  return sum / a.length;
}
