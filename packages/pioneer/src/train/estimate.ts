// What a step of a whole batch needs, from steps of fewer images: what to try next, and when to believe it. Pure functions.

/** Steps of one size as they were measured. */
export interface Tried {
  readonly images: number;
  /** One for each step, the first of the size left out where there are others: it also builds kernels. */
  readonly seconds: readonly number[];
  /** Whether the first step is all there is. */
  readonly isCold: boolean;
  /** Bytes that tensors took at most; the same work asks for the same. */
  readonly tensorBytes: number;
  /** Bytes of the process at most. */
  readonly residentBytes: number;
}

/** What one step needs. */
export interface StepNeed {
  readonly seconds: number;
  /** Peak memory: of tensors on a CUDA device where that is known, else resident memory of the process. */
  readonly peakMiB: number;
  /** What each image adds to it; 0 where only one size was tried. */
  readonly imageMiB: number;
}

/** Two steps that differ by no more are believed. */
const agreement = 1.1;
const mostSteps = 6;

/** Whether steps of a size were repeated often enough: two agree, or they never will. */
export function areSettled(seconds: readonly number[]): boolean {
  const [first, second] = ascending(seconds);
  if (first === undefined || second === undefined) return false;
  return second <= agreement * first || seconds.length >= mostSteps;
}

/** A first step that took longer is not repeated, however little time there was. */
const mostSecondsAgain = 20;

/**
 * Whether a size is to be tried in one more step.
 * @param first       seconds of its first step
 * @param seconds     of the others
 * @param secondsLeft of the time that was meant for the phase
 * @param isLast      whether no larger size will be tried: it then says how long a batch takes, which a cold step cannot
 */
export function stepsAgain(first: number, seconds: readonly number[], secondsLeft: number, isLast: boolean): boolean {
  if (secondsLeft > first) return !areSettled(seconds);
  return isLast && seconds.length === 0 && first <= mostSecondsAgain;
}

/** Of repeated steps: what the two quickest agree on; where none agree, the middle one. */
export function secondsOf(seconds: readonly number[]): number {
  const sorted = ascending(seconds);
  const [first, second] = sorted as [number, number | undefined];
  if (second !== undefined && second <= agreement * first) return (first + second) / 2;
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** A size is tried with one step that does not count and two that do. */
const stepsOfSize = 3;

/** The number of images to try first: the fewest that have statistics. */
const fewest = 2;

/**
 * The next number of images to try: four times as many or twice as many, where that fits into the time and the memory that are
 * left. Two sizes are tried in any case, as only the difference tells what an image takes.
 * @param tried       sizes in ascending order
 * @param batch       the size that is wanted, from 2
 * @param secondsLeft for steps
 * @param bytesLeft   that the process may take altogether
 * @returns undefined where the last one has to do
 */
export function nextSize(
  tried: readonly Tried[],
  batch: number,
  secondsLeft: number,
  bytesLeft: number,
): number | undefined {
  const last = tried.at(-1);
  if (!last) return fewest;
  const { images, seconds } = last;
  if (images >= batch) return undefined;
  const size = [4, 2]
    .map((factor) => Math.min(batch, factor * images))
    .find((size) => {
      const expected = (stepsOfSize * secondsOf(seconds) * size) / images;
      return expected <= secondsLeft && (tried.length < 2 || needOf(tried, size).peakMiB * 2 ** 20 <= bytesLeft);
    });
  return size ?? (tried.length < 2 ? images + 1 : undefined);
}

/**
 * A step of `batch` images. Time grows from the largest size that was tried in proportion to the images, or as from the size
 * before it to this one where that is less and both are known from more than a cold step: a part of a step is the same for any
 * batch. Memory grows by what tensors of the two sizes took.
 */
export function needOf(tried: readonly Tried[], batch: number): StepNeed {
  const last = tried.at(-1) as Tried;
  const before = tried.at(-2);
  const more = batch - last.images;
  const time = secondsOf(last.seconds);
  const inProportion = time / last.images;
  const isKnown = before !== undefined && !before.isCold && !last.isCold;
  const growth = isKnown ? (time - secondsOf(before.seconds)) / (last.images - before.images) : undefined;
  // Noise can make the growth nothing or less than nothing: a quarter of the work at least is taken to be the images'.
  const perImage = growth === undefined ? inProportion : Math.min(inProportion, Math.max(growth, inProportion / 4));
  const bytesPerImage = before ? Math.max(0, last.tensorBytes - before.tensorBytes) / (last.images - before.images) : 0;
  return {
    seconds: time + more * perImage,
    peakMiB: (last.residentBytes + more * bytesPerImage) / 2 ** 20,
    imageMiB: bytesPerImage / 2 ** 20,
  };
}

/**
 * The most images of which a step fits.
 * @param need of a step of `batch` images, which does not fit
 * @returns undefined where not even two do, or what an image takes is not known
 */
export function imagesThatFit(
  { peakMiB, imageMiB }: StepNeed,
  batch: number,
  availableMiB: number,
): number | undefined {
  if (imageMiB === 0) return undefined;
  const images = batch - Math.ceil((peakMiB - availableMiB) / imageMiB);
  return images >= fewest ? images : undefined;
}

/** Of steps that may come in any order: the most that one of them needs. @param needs at least one */
export const mostOf = (needs: readonly StepNeed[]): StepNeed => ({
  seconds: Math.max(...needs.map(({ seconds }) => seconds)),
  peakMiB: Math.max(...needs.map(({ peakMiB }) => peakMiB)),
  imageMiB: Math.max(...needs.map(({ imageMiB }) => imageMiB)),
});

const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
