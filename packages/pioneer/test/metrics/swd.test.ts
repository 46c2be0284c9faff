import { Rng } from "pioneer-runtime/internal";
import { scope, type Tensor, tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { laplacianPyramid } from "../../src/metrics/laplacian-pyramid.ts";
import {
  type Descriptors,
  drawDirections,
  levelSizes,
  PatchSet,
  patchesAt,
  slicedWasserstein,
} from "../../src/metrics/swd.ts";
import { leftBehind, nothing } from "../support/memory.ts";
import { expectClose, numbers, pictures, reference } from "./support.ts";

const [real, fake] = [pictures(12, 64), pictures(12, 64, "damaged")];

/** 128 corners an image, by the formula of make-reference.py. */
function fixedCorners(images: number, size: number): Int32Array {
  return Int32Array.from({ length: images * 256 }, (_, at) => {
    const [i, p] = [Math.floor(at / 256), Math.floor((at % 256) / 2)];
    return (at % 2 === 0 ? p * 37 + i * 11 : p * 53 + i * 29 + p * p) % (size - 6);
  });
}

function fixedDirections(count: number): Float32Array {
  const directions = new Float32Array(count * 147);
  for (let j = 0; j < count; j++) {
    const row = Array.from({ length: 147 }, (_, i) => ((i * i * 7 + j * 131 + i * j * 3) % 101) - 50);
    const length = Math.hypot(...row);
    directions.set(
      row.map((value) => value / length),
      j * 147,
    );
  }
  return directions;
}

/** With mean and deviation by channel, in float64. */
function describePatches(patches: Tensor): Descriptors {
  return scope(() => {
    const channels = patches.to("float64").reshape([-1, 3, 49]);
    const mean = channels.mean([0, 2]);
    const deviation = channels
      .sub(mean.reshape([3, 1]))
      .square()
      .mean([0, 2])
      .sqrt();
    return { values: patches, mean: numbers(mean), deviation: numbers(deviation) };
  });
}

test("the pyramid is that of scipy with mirrored edges", () => {
  const levels = laplacianPyramid(real.to("float64"), 3);
  for (const [i, { size, first, last, rms }] of reference.pyramid.entries()) {
    const level = levels[i] as Tensor;
    expect(level.shape).toEqual([12, 3, size, size]);
    const row = (y: number) => numbers(level.select(0, 1).select(0, 2).select(0, y));
    expectClose(row(0).slice(0, 4), first, 1e-12);
    expectClose(row(size - 1).slice(-4), last, 1e-12);
    expectClose([level.square().mean().sqrt().item()], [rms], 1e-12);
  }
});

test("patches are 7x7 pixels of every channel from the corner on", () => {
  const x = scope(() => tensor(Float32Array.from({ length: 2 * 3 * 256 }, (_, i) => i)).reshape([2, 3, 16, 16]));
  const patches = patchesAt(x, Int32Array.of(2, 1, 9, 9)); // one of each image
  expect(patches.shape).toEqual([2, 147]);
  const [first, second] = [numbers(patches.select(0, 0)), numbers(patches.select(0, 1))];
  expect([first[0], first[6], first[7], first[48], first[49]]).toEqual([18, 24, 34, 120, 274]);
  expect(second[146]).toBe(2 * 3 * 256 - 1);
});

test("the distance is numpy's for the same patches and directions, level by level", () => {
  const [a, b] = [laplacianPyramid(real.to("float32"), 3), laplacianPyramid(fake.to("float32"), 3)];
  const distances = a.map((level, i) => {
    const corners = fixedCorners(12, level.size(2));
    const [p, q] = [level, b[i] as Tensor].map((images) => describePatches(patchesAt(images, corners)));
    return slicedWasserstein(p as Descriptors, q as Descriptors, fixedDirections(24));
  });
  // Projections of magnitude 10 in float32 are known to 1e-6 or so, and the distances are from 0.01 on.
  expectClose(distances, reference.swd_fixed, 1e-4);
});

test("with places and directions of its own it agrees with numpy's distribution over seeds", async () => {
  const left = await leftBehind(async () => {
    const sets = await Promise.all([real, fake].map((_, i) => PatchSet.create(64, 12, new Rng(100 + i))));
    const [a, b] = sets as [PatchSet, PatchSet];
    for (const at of [0, 8]) {
      const count = at === 0 ? 8 : 4; // batches of any size
      scope(() => a.add(real.narrow(0, at, count)));
      scope(() => b.add(fake.narrow(0, at, count)));
    }
    const distances = scope(() => {
      const [p, q] = [a.descriptors(), b.descriptors()];
      return p.map((level, i) => 1000 * slicedWasserstein(level, q[i] as Descriptors, drawDirections(new Rng(7))));
    });
    a.dispose();
    b.dispose();
    const { mean, deviation } = reference.swd_random;
    for (const [i, distance] of distances.entries()) {
      // Four deviations of 12 seeds, whose estimate may itself be a third too small.
      expect(Math.abs(distance - (mean[i] as number))).toBeLessThan(5.5 * (deviation[i] as number));
    }
  });
  expect(left).toEqual(nothing);
});

describe("in closed form", () => {
  const gaussians = (seed: number, shift: number) => {
    const random = new Rng(seed);
    return tensor(
      Float32Array.from({ length: 4096 * 147 }, () => random.normal() + shift),
      [4096, 147],
    );
  };

  test("a set and itself are at distance 0, and a shift or a scale of a whole channel does not count", () => {
    const x = gaussians(1, 0);
    const [a, b] = [describePatches(x), describePatches(x.mul(3).add(5))];
    expect(slicedWasserstein(a, a, fixedDirections(4))).toBe(0);
    expect(slicedWasserstein(a, b, fixedDirections(4))).toBeLessThan(1e-5);
  });

  test("two Gaussians apart by s along a direction are at distance s there", () => {
    const of = (values: Tensor): Descriptors => ({ values, mean: [0, 0, 0], deviation: [1, 1, 1] });
    const [a, b] = [of(gaussians(2, 0)), of(gaussians(3, 0.5))];
    const direction = new Float32Array(147).fill(1 / Math.sqrt(147));
    // The mean of 4096 standard normal numbers is off by 1/64, the difference of two by sqrt(2)/64: four of those.
    expect(Math.abs(slicedWasserstein(a, b, direction) - 0.5 * Math.sqrt(147))).toBeLessThan(0.09);
  });

  test("levels end at 16x16", () => {
    expect(levelSizes(128)).toEqual([128, 64, 32, 16]);
    expect(levelSizes(16)).toEqual([16]);
  });
});
