// Several processes that share a batch against one that has all of it. They are real and meet on the loopback interface.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { shareOf } from "../../src/train/over-ranks.ts";
import { discs, makePack } from "../support/tiny.ts";

vi.setConfig({ testTimeout: 300_000 });

const folder = temporaryFolder();
const script = fileURLToPath(new URL("../support/rank-steps.js", import.meta.url));
const dist = new URL("../../dist", import.meta.url).href;
let pack: string;
beforeAll(async () => {
  pack = (await makePack(folder, 40, 16, discs)).path;
});

type Numbers = Readonly<Record<string, number[]>>;

/** What a learner holds after some steps, and the gradients of its first update of each network. */
interface Held {
  readonly held: Numbers;
  readonly gradients: Numbers;
}

interface Steps {
  readonly precision?: "fp32" | "fp64";
  readonly recipe?: string;
  readonly augment?: boolean;
  readonly batch?: number;
  readonly steps?: number;
  readonly alpha?: number;
  /** Rank 1 changes a weight a little before the ranks compare what they hold. */
  readonly tamper?: boolean;
}

let runs = 0;

/** Takes steps with so many processes. */
async function steps<T = Held>(size: number, more: Steps = {}): Promise<T> {
  const out = join(folder, `held-${++runs}.json`);
  const meeting = { file: join(folder, `meeting-${runs}`) };
  const common = {
    dist,
    pack,
    out,
    precision: "fp64",
    recipe: "accv2018",
    augment: false,
    batch: 8,
    alpha: 1,
    first: 0,
    steps: 20,
    ...more,
  };
  const ended = Array.from({ length: size }, (_, rank) => {
    const given = { ...common, place: size === 1 ? null : { rank, size, meeting } };
    const child = spawn(process.execPath, [script, JSON.stringify(given)], { stdio: ["ignore", "inherit", "inherit"] });
    return new Promise((resolve) => child.on("close", resolve));
  });
  expect(await Promise.all(ended)).toEqual(Array(size).fill(0));
  return JSON.parse(readFileSync(out, "utf8")) as T;
}

/** |a - b| / |b| over all numbers of all names. */
function relativeL2(a: Numbers, b: Numbers): number {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  let [difference, size] = [0, 0];
  for (const [name, expected] of Object.entries(b)) {
    for (const [i, value] of expected.entries()) {
      difference += (((a[name] as number[])[i] as number) - value) ** 2;
      size += value ** 2;
    }
  }
  return Math.sqrt(difference / size);
}

function largestDifference(a: Numbers, b: Numbers): number {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  return Math.max(
    ...Object.entries(b).map(([name, expected]) =>
      Math.max(...expected.map((value, i) => Math.abs(((a[name] as number[])[i] as number) - value))),
    ),
  );
}

test("shares are contiguous, as even as can be, and all of the batch", () => {
  expect([0, 1, 2].map((rank) => shareOf(8, { rank, size: 3 }))).toEqual([
    { first: 0, count: 2 },
    { first: 2, count: 3 },
    { first: 5, count: 3 },
  ]);
});

test("in float32 the first gradients of two ranks are one's, but for rounding", async () => {
  const [one, two] = [await steps(1, { precision: "fp32", steps: 1 }), await steps(2, { precision: "fp32", steps: 1 })];
  expect(relativeL2(two.gradients, one.gradients)).toBeLessThan(1e-5);
});

describe("in float64, after 20 steps, every weight, average and stored image is that of one process", () => {
  test.each<[string, number, Steps]>([
    ["two ranks", 2, {}],
    ["three ranks with uneven shares", 3, {}],
    ["while a block fades in", 2, { alpha: 0.5 }],
    [
      "with random changes of images, the averages of both networks, and both reconstructions",
      2,
      { recipe: "cycle", augment: true },
    ],
    ["of the recipe with a critic", 2, { recipe: "gan" }],
  ])("%s", async (_, size, more) => {
    const [one, several] = [await steps(1, more), await steps(size, more)];
    expect(largestDifference(several.held, one.held)).toBeLessThan(1e-8);
    // Nothing of it is trivial: the steps moved the weights by up to 20 times the learning rate.
    expect(largestDifference(one.held, (await steps(1, { ...more, steps: 1 })).held)).toBeGreaterThan(1e-3);
  });
});

test("a rank that holds another weight, by a bit, is found", async () => {
  expect(await steps<string>(2, { precision: "fp32", steps: 1, tamper: true })).toMatch(
    /^RANKS_DIFFER: rank 1 holds other weights than rank 0/,
  );
});
