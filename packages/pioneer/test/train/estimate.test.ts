// What a step of a whole batch is expected to need, from steps of fewer images.
import { describe, expect, test } from "vitest";
import {
  areSettled,
  imagesThatFit,
  mostOf,
  needOf,
  nextSize,
  secondsOf,
  stepsAgain,
  type Tried,
} from "../../src/train/estimate.ts";
import { tooLargeError } from "../../src/train/too-large.ts";

const MiB = 2 ** 20;

/** Steps of a machine that takes so long and so much for a step and for an image. */
const machine =
  (need: { step: number; image: number; MiBPerImage: number }) =>
  (images: number): Tried => {
    const seconds = need.step + need.image * images;
    const tensors = 64 * MiB + images * need.MiBPerImage * MiB;
    return {
      images,
      seconds: [seconds, seconds],
      isCold: false,
      tensorBytes: tensors,
      residentBytes: tensors + 100 * MiB,
    };
  };

/** Tries as the trial does, on a clock that only the steps move. */
function tryOut(at: (images: number) => Tried, batch: number, seconds: number, bytes: number): Tried[] {
  const tried: Tried[] = [];
  let left = seconds;
  for (;;) {
    const size = nextSize(tried, batch, left, bytes);
    if (size === undefined) return tried;
    const found = at(size);
    tried.push(found);
    left -= 3 * (found.seconds[0] as number);
  }
}

const sizesOf = (tried: readonly Tried[]) => tried.map(({ images }) => images);

describe("how often steps are repeated", () => {
  test("until the two quickest differ by no more than 10 per cent", () => {
    expect(areSettled([])).toBe(false);
    expect(areSettled([1])).toBe(false);
    expect(areSettled([1, 1.2])).toBe(false);
    expect(areSettled([9, 1.05, 1])).toBe(true);
  });

  test("and no more than six times", () => {
    expect(areSettled([1, 2, 4, 8, 16])).toBe(false);
    expect(areSettled([1, 2, 4, 8, 16, 32])).toBe(true);
  });

  test("what two agree on is believed, else the middle", () => {
    expect(secondsOf([40, 1.04, 1])).toBeCloseTo(1.02, 12);
    expect(secondsOf([32, 1, 4, 2, 16])).toBe(4);
    expect(secondsOf([7])).toBe(7);
  });
});

describe("which steps are repeated", () => {
  test("all where there is time, until they agree", () => {
    expect(stepsAgain(1, [], 2, false)).toBe(true);
    expect(stepsAgain(1, [1, 1], 2, false)).toBe(false);
    expect(stepsAgain(1, [], 0.5, false)).toBe(false);
  });

  test("the largest once in any case, as its first step builds kernels, unless that would take long", () => {
    expect(stepsAgain(9, [], -30, true)).toBe(true);
    expect(stepsAgain(9, [4], -34, true)).toBe(false);
    expect(stepsAgain(90, [], -30, true)).toBe(false);
  });
});

describe("which sizes are tried", () => {
  const quick = machine({ step: 0.005, image: 0.0005, MiBPerImage: 1 });

  test("all up to the batch where there is time", () => {
    expect(sizesOf(tryOut(quick, 128, 3, 1e12))).toEqual([2, 8, 32, 128]);
  });

  test("none larger than fits into the time that is left, but two of them", () => {
    expect(sizesOf(tryOut(machine({ step: 0, image: 0.05, MiBPerImage: 1 }), 64, 3, 1e12))).toEqual([2, 8]);
    expect(sizesOf(tryOut(machine({ step: 0, image: 30, MiBPerImage: 1 }), 64, 3, 1e12))).toEqual([2, 3]);
  });

  test("none that would not fit into memory", () => {
    const large = machine({ step: 0.001, image: 0.0005, MiBPerImage: 100 });
    // 32 images take 64 + 100 + 3200 MiB.
    expect(sizesOf(tryOut(large, 128, 3, 3300 * MiB))).toEqual([2, 8, 16]);
  });

  test("one for a batch of two images", () => {
    expect(sizesOf(tryOut(quick, 2, 3, 1e12))).toEqual([2]);
  });
});

describe("what a whole batch needs", () => {
  test("is what was measured, where a whole batch was tried", () => {
    const at = machine({ step: 0.005, image: 0.0005, MiBPerImage: 1 });
    const need = needOf(tryOut(at, 128, 3, 1e12), 128);
    expect(need.seconds).toBeCloseTo(0.005 + 128 * 0.0005, 12);
    expect(need.peakMiB).toBeCloseTo(64 + 100 + 128, 9);
  });

  test("grows with the images that were not tried", () => {
    const at = machine({ step: 0.4, image: 1, MiBPerImage: 10 });
    const need = needOf([at(2), at(4)], 64);
    expect(need.seconds).toBeCloseTo(64.4, 9);
    expect(need.peakMiB).toBeCloseTo(64 + 100 + 640, 9);
  });

  test("a step that took long for reasons of its own is not multiplied by the batch", () => {
    // Threads that wait for each other: half a second for 2 images and for 3. The images cannot be told apart from noise.
    const stuck = (images: number): Tried => ({
      ...machine({ step: 0, image: 0, MiBPerImage: 1 })(images),
      seconds: [0.5, 0.51],
    });
    const inProportion = (128 / 3) * 0.505;
    expect(needOf([stuck(2), stuck(3)], 128).seconds).toBeLessThan(inProportion / 3);
  });

  test("is never less than the largest step that was tried, nor more than in proportion to it", () => {
    for (const [few, more] of [
      [1, 0.2],
      [0.2, 1],
      [1, 1],
      [1e-9, 5],
    ] as const) {
      const size = (images: number, seconds: number): Tried => ({
        ...machine({ step: 0, image: 0, MiBPerImage: 1 })(images),
        seconds: [seconds],
      });
      const { seconds } = needOf([size(2, few), size(8, more)], 32);
      expect(seconds).toBeGreaterThan(more);
      expect(seconds).toBeLessThanOrEqual(4 * more);
    }
  });

  test("takes a cold step of the smaller size for nothing that tells what an image takes", () => {
    const at = machine({ step: 0, image: 1, MiBPerImage: 1 });
    // Kernels took 20 s to build: less for 3 images than for 2 would mean that images cost nothing.
    expect(needOf([{ ...at(2), seconds: [22], isCold: true }, at(3)], 64).seconds).toBeCloseTo(64, 9);
  });

  test("is no nonsense for memory that shrank between two sizes", () => {
    const at = machine({ step: 0.1, image: 0.1, MiBPerImage: 1 });
    const { tensorBytes, residentBytes } = at(4);
    const need = needOf([{ ...at(2), tensorBytes: 2 * tensorBytes }, at(4)], 64);
    expect(need.peakMiB).toBe(residentBytes / MiB);
  });
});

test("of steps that may come in any order each need is the largest of theirs", () => {
  const needs = [
    { seconds: 1, peakMiB: 300, imageMiB: 3 },
    { seconds: 2, peakMiB: 200, imageMiB: 4 },
  ];
  expect(mostOf(needs)).toEqual({ seconds: 2, peakMiB: 300, imageMiB: 4 });
});

test("where a batch does not fit, the most images that do are known from what one takes", () => {
  const at = machine({ step: 0.1, image: 0.1, MiBPerImage: 10 });
  // 164 MiB, and 10 for each image.
  const need = needOf([at(2), at(8)], 64);
  expect(imagesThatFit(need, 64, 164 + 240)).toBe(24);
  expect(imagesThatFit(need, 64, 164 + 239)).toBe(23);
  expect(imagesThatFit(need, 64, 164 + 20)).toBe(2);
  expect(imagesThatFit(need, 64, 164 + 19)).toBeUndefined();
  expect(imagesThatFit(needOf([at(2)], 2), 2, 100), "one size tells nothing of an image").toBeUndefined();
});

test("a run that is too large is refused with the batch that would fit, of all processes", () => {
  const run = { resolution: 64, batch: 16, needs: "about 900 MiB", availableMiB: 700.2 };
  expect(tooLargeError({ ...run, fits: 11, processes: 1 }).message).toBe(
    'the last phase (64x64, batch 16) needs about 900 MiB, 700 MiB are available: a --batch of 11 would fit there: give "64:11", or fewer --channels',
  );
  expect(tooLargeError({ ...run, fits: 11, processes: 3 }).message).toBe(
    'the last phase (64x64, batch 16 in each of 3 processes) needs about 900 MiB, 700 MiB are available to each: a --batch of 33 would fit there: give "64:33", or fewer --channels',
  );
  expect(tooLargeError({ ...run, fits: undefined, processes: 1 }).message).toMatch(
    /: give fewer --channels, or a smaller --batch where it is more than 2$/,
  );
});
