import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { scope } from "pioneer-torch";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { accv2018 } from "../../src/config/recipe.ts";
import { growthSchedule, positionAt } from "../../src/config/schedule.ts";
import { Batches, fade, PackPixels } from "../../src/data/batches.ts";
import { openPack, type Pack } from "../../src/data/pack/pack.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { type Growth, resolutionOf } from "../../src/networks/index.ts";
import { ageObjective } from "../../src/objectives/index.ts";
import { trainLoop } from "../../src/train/loop.ts";
import { Recorder } from "../../src/train/recorder.ts";
import type { Session } from "../../src/train/session.ts";
import { type Drawing, makePack, tinyComputing, tinyLearner } from "../support/tiny.ts";

const folder = temporaryFolder();
const [count, side] = [24, 16];
// Red says which image it is, green which half is the left one, blue is different everywhere.
const drawing: Drawing = (index, x, y) => [index * 10, x < side / 2 ? 0 : 255, (index * 7 + x * 13 + y * 31) % 256];
const still: Growth = { phase: 2, alpha: 1 };

let pack: Pack;
let train: Uint32Array;
beforeAll(async () => {
  pack = await makePack(folder, count, side, drawing);
  train = pack.splits.train as Uint32Array;
});

const batches = (options: { seed?: number; mirror?: boolean } = {}) =>
  new Batches(pack, train, { seed: 5, mirror: true, device: "cpu", ...options });

/** The number in the name of an image of the pack. */
const drawnAs = (index: number) => Number(pack.names.at(index).slice(0, 4));

/** Which images a batch holds and which of them are mirrored. */
function look(source: Batches, drawn: number, size: number): { index: number; mirrored: boolean }[] {
  const values = scope(() => source.at(drawn, size, still).toFloat32Array());
  const plane = side * side;
  return Array.from({ length: size }, (_, i) => ({
    index: Math.round((((values[3 * plane * i] as number) + 1) * 127.5) / 10),
    mirrored: (values[3 * plane * i + plane] as number) > 0,
  }));
}

const byIndex = (a: number, b: number) => a - b;
const sorted = (seen: { index: number }[]) => seen.map(({ index }) => index).sort(byIndex);

describe("order", () => {
  test("every training image comes once in each epoch, in another order", () => {
    const source = batches();
    const epoch = (i: number) => look(source, i * train.length, train.length);
    const all = Array.from(train, drawnAs).sort(byIndex);
    const orders = [0, 1, 2].map((i) => {
      expect(sorted(epoch(i))).toEqual(all);
      return epoch(i)
        .map(({ index }) => index)
        .join();
    });
    expect(new Set(orders).size).toBe(3);
    expect(orders[0]).not.toBe(all.join());
  });

  test("what comes does not depend on the size of the batches, nor on what was asked before", () => {
    const total = 3 * train.length + 5;
    const whole = look(batches(), 0, total);
    for (const size of [1, 7, 16]) {
      const source = batches();
      const pieces = [];
      for (let at = 0; at < total; at += size) pieces.push(...look(source, at, Math.min(size, total - at)));
      expect(pieces).toEqual(whole);
    }
    // As after a resume: from the middle, and back again.
    const source = batches();
    expect(look(source, 40, 9)).toEqual(whole.slice(40, 49));
    expect(look(source, 3, 9)).toEqual(whole.slice(3, 12));
  });

  test("another seed gives another order and other mirrors", () => {
    const [a, b] = [look(batches(), 0, train.length), look(batches({ seed: 6 }), 0, train.length)];
    expect(a.map(({ index }) => index)).not.toEqual(b.map(({ index }) => index));
    expect(sorted(a)).toEqual(sorted(b));
  });
});

describe("mirror", () => {
  test("about half of the images, independently in each epoch", () => {
    const epochs = 60;
    const seen = look(batches(), 0, epochs * train.length);
    const share = seen.filter(({ mirrored }) => mirrored).length / seen.length;
    // 4 standard errors of a fair coin, seed 5.
    expect(Math.abs(share - 0.5)).toBeLessThan((4 * 0.5) / Math.sqrt(seen.length));
    const perImage = new Map<number, boolean[]>();
    for (const { index, mirrored } of seen) perImage.set(index, [...(perImage.get(index) ?? []), mirrored]);
    for (const mirrors of perImage.values()) expect(new Set(mirrors).size).toBe(2);
  });

  test("turns left and right, every pixel", () => {
    const [first] = look(batches(), 0, train.length).filter(({ mirrored }) => mirrored);
    const at = look(batches(), 0, train.length).findIndex(({ mirrored }) => mirrored);
    const got = scope(() => batches().at(at, 1, still).toFloat32Array());
    expectPixels(got, (channel, x, y) => drawing(first?.index ?? -1, side - 1 - x, y)[channel] as number, side);
  });

  test("off, images are as they are", () => {
    expect(look(batches({ mirror: false }), 0, 5 * train.length).some(({ mirrored }) => mirrored)).toBe(false);
  });
});

/** Compares an image [3, side, side] in [-1, 1] with values from 0 to 255. */
function expectPixels(
  got: Float32Array,
  expected: (channel: number, x: number, y: number) => number,
  size: number,
): void {
  for (const [i, value] of got.entries()) {
    const [channel, y, x] = [Math.floor(i / size ** 2), Math.floor((i % size ** 2) / size), i % size];
    // A sum of up to 256 bytes is exact in float32; the quotient and the difference round by 2^-24 of at most 2 each.
    expect(Math.abs(value - (expected(channel, x, y) / 127.5 - 1)), `${channel} ${x} ${y}`).toBeLessThan(2.4e-7);
  }
}

/** The mean of image `index` over a square of `factor` pixels. */
const meanOver = (index: number, factor: number) => (channel: number, x: number, y: number) => {
  let sum = 0;
  for (let dy = 0; dy < factor; dy++) {
    for (let dx = 0; dx < factor; dx++) sum += drawing(index, x * factor + dx, y * factor + dy)[channel] as number;
  }
  return sum / factor ** 2;
};

describe("levels", () => {
  test.each([0, 1, 2])("phase %i is the 2x2 means of the pack", (phase) => {
    const factor = side / resolutionOf(phase);
    const got = scope(() => new PackPixels(pack).images([11], phase).toFloat32Array());
    expectPixels(got, meanOver(drawnAs(11), factor), resolutionOf(phase));
    const source = batches({ mirror: false });
    const [{ index } = { index: -1 }] = look(source, 3, 1);
    const batch = scope(() => source.at(3, 1, { phase, alpha: 1 }).toFloat32Array());
    expectPixels(batch, meanOver(index, factor), resolutionOf(phase));
  });

  test.each([0.25, 0.9])("at alpha %f images are faded like the networks", (alpha) => {
    const source = batches({ mirror: false });
    const [{ index } = { index: -1 }] = look(source, 3, 1);
    const got = scope(() => source.at(3, 1, { phase: 2, alpha }).toFloat32Array());
    expectPixels(
      got,
      (channel, x, y) =>
        alpha * (drawing(index, x, y)[channel] as number) +
        (1 - alpha) * meanOver(index, 2)(channel, Math.floor(x / 2), Math.floor(y / 2)),
      side,
    );
  });

  test("nothing is faded in phase 0, nor once alpha is 1", () => {
    scope(() => {
      const pixels = new PackPixels(pack);
      const [x, y] = [pixels.images([1], 0), pixels.images([1], 2)];
      expect(fade(x, { phase: 0, alpha: 0.3 })).toBe(x);
      expect(fade(y, { phase: 2, alpha: 1 })).toBe(y);
    });
  });
});

test("a grey pack gives its one channel three times", async () => {
  const grey = (
    await prepareDataset({
      source: `${folder}/photos-${count}-${side}`,
      out: `${folder}/grey.pack`,
      resolution: side,
      colour: "grey",
    })
  ).pack;
  expect(grey.channels).toBe(1);
  const got = scope(() => new PackPixels(grey).images([0, 5], 2).toFloat32Array());
  const bytes = grey.readImages([0, 5]);
  const plane = side * side;
  const levels = Float32Array.from(
    { length: 2 * 3 * plane },
    (_, i) => bytes[Math.floor(i / (3 * plane)) * plane + (i % plane)] as number,
  );
  for (let image = 0; image < 2; image++) {
    const part = levels.subarray(3 * plane * image);
    expectPixels(
      got.subarray(3 * plane * image, 3 * plane * (image + 1)),
      (channel, x, y) => part[channel * plane + y * side + x] as number,
      side,
    );
  }
});

test("a batch of a grey pack is that of the same pack in colour", () => {
  const rgb = openPack(`${folder}/photos-${count}-${side}.pack`);
  const grey = openPack(`${folder}/grey.pack`);
  const at = (source: Pack, growth: Growth) =>
    scope(() =>
      new Batches(source, train, { seed: 5, mirror: true, device: "cpu" }).at(7, 30, growth).toFloat32Array(),
    );
  const [one, three] = [at(grey, still), at(rgb, still)];
  const plane = side * side;
  for (let image = 0; image < 30; image++) {
    const planes = [0, 1, 2].map((c) => one.subarray((3 * image + c) * plane, (3 * image + c + 1) * plane));
    expect(planes[1]).toEqual(planes[0]);
    expect(planes[2]).toEqual(planes[0]);
    for (let i = 0; i < plane; i++) {
      const [r = 0, g = 0, b = 0] = [0, 1, 2].map((c) => three[(3 * image + c) * plane + i]);
      // The grey pack holds whole numbers: half a step of 2 / 255, and rounding.
      expect(Math.abs((planes[0]?.[i] ?? 9) - (0.299 * r + 0.587 * g + 0.114 * b))).toBeLessThan(1 / 255 + 1e-6);
    }
  }
});

describe("in the background", () => {
  const values = (source: Batches, ...place: [number, number, Growth]) =>
    scope(() => source.at(...place).toFloat32Array());

  test("a batch prepared is the batch made when it is asked for: each phase, fading and faded, across epochs", () => {
    const source = batches();
    const schedule = growthSchedule(2, 60);
    const sizes = [12, 7, 31]; // no divisors of the phases or the data set; the last is larger than the data set
    let drawn = 0;
    for (const next = () => positionAt(schedule, drawn); drawn < schedule.totalImages; ) {
      const size = sizes[next().phase] as number;
      const place = [drawn, size, next()] as const;
      source.prepare(...place);
      expect(values(source, ...place)).toEqual(values(batches(), ...place));
      drawn += size;
    }
    expect(source.counts).toEqual({ prepared: 5 + 9 + 4, afresh: 0 });
  });

  test.each<[string, [number, number, Growth]]>([
    ["place", [9, 8, { phase: 2, alpha: 0.5 }]],
    ["size", [8, 4, { phase: 2, alpha: 0.5 }]],
    ["alpha", [8, 8, { phase: 2, alpha: 0.6 }]],
    ["phase", [8, 8, { phase: 1, alpha: 0.5 }]],
  ])("asked for another %s than was prepared, the right one is made afresh", (_, asked) => {
    const source = batches();
    source.prepare(8, 8, { phase: 2, alpha: 0.5 });
    expect(values(source, ...asked)).toEqual(values(batches(), ...asked));
    expect(source.counts).toEqual({ prepared: 0, afresh: 1 });
  });

  test("alpha that changes no pixel changes no batch: nothing fades in phase 0, or beyond 1", () => {
    const source = batches();
    source.prepare(0, 4, { phase: 0, alpha: 0.5 });
    values(source, 0, 4, { phase: 0, alpha: 0.6 });
    source.prepare(4, 4, { phase: 1, alpha: 1 });
    values(source, 4, 4, { phase: 1, alpha: 1.5 });
    expect(source.counts).toEqual({ prepared: 2, afresh: 0 });
  });

  test("a batch prepared is given out once", () => {
    const source = batches();
    source.prepare(0, 4, still);
    expect(values(source, 0, 4, still)).toEqual(values(source, 0, 4, still));
    expect(source.counts).toEqual({ prepared: 1, afresh: 1 });
  });

  test("a run, through growth and fading, waits for its first batch only", async () => {
    const session = await openSession(pack, `${folder}/run`);
    const end = await trainLoop(session);
    expect(end.reason).toBe("finished");
    expect(session.batches.counts).toEqual({ prepared: session.steps - 1, afresh: 1 });
    expect(session.steps).toBeGreaterThan(20);
  });
});

/** A new run of the tests' smallest networks, as the training process opens it. */
async function openSession(data: Pack, run: string): Promise<Session> {
  await mkdir(run);
  const config = resolveTrainConfig({
    data: data.path,
    run,
    latent: 8,
    channels: 6,
    batch: "4:8,8:4,16:6",
    kimgPerPhase: 0.03,
    precision: "fp32",
    threads: 1,
  });
  return {
    config,
    computings: { device: "cpu", phases: new Map([0, 1, 2].map((phase) => [phase, tinyComputing])) },
    computing: tinyComputing,
    pack: data,
    batches: new Batches(data, train, { seed: 0, mirror: true, device: "cpu" }),
    pixels: new PackPixels(data),
    objective: ageObjective(accv2018),
    learner: tinyLearner(),
    schedule: growthSchedule(2, 30),
    recorder: new Recorder(run, 0, () => {}),
    stop: {},
    from: null,
    lastPhase: 2,
    lastPhaseSeconds: 1,
    images: 0,
    steps: 0,
    elapsedSeconds: 0,
    lastCheckpoint: "",
  };
}

test("a pack without training images is refused", () => {
  expect(() => new Batches(pack, new Uint32Array(), { seed: 0, mirror: true, device: "cpu" })).toThrow(
    `${pack.path} has no images in the split "train": prepare it again with a labels.csv that names some`,
  );
});

test("pixels that were written over are noticed when they are first used, by what trains and by what looks", async () => {
  const damaged = await makePack(folder, 13, 8, (i, x, y) => [i, x, y]);
  const file = openSync(damaged.path, "r+");
  writeSync(file, Buffer.alloc(100, 7), 0, 100, damaged.pixelOffset + 500);
  closeSync(file);
  const refusal = `${damaged.path} is damaged in images 0 to 12; copy it again, or prepare it again`;
  const batches = new Batches(
    damaged,
    Uint32Array.from({ length: 13 }, (_, i) => i),
    { seed: 1, mirror: false, device: "cpu" },
  );
  expect(() => batches.at(0, 4, { phase: 1, alpha: 1 })).toThrow(refusal);
  batches.dispose();
  const pixels = new PackPixels(damaged);
  expect(() => pixels.images([3], 1)).toThrow(refusal);
  pixels.dispose();
});
