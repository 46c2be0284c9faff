// Several processes that share a batch against one that has all of it. They are real and meet on the loopback interface.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { shareOf } from "../../src/train/over-ranks.ts";
import { discs, makePack } from "../support/tiny.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const folder = temporaryFolder();
const script = fileURLToPath(new URL("../support/rank-steps.js", import.meta.url));
const dist = new URL("../../dist", import.meta.url).href;

type Numbers = Readonly<Record<string, number[]>>;

/** What a learner holds after the first and after the last step, and the gradients of its first update of each network. */
interface Held {
  readonly first: Numbers;
  readonly held: Numbers;
  readonly gradients: Numbers;
}

interface Steps {
  readonly precision?: "fp32" | "fp64";
  readonly recipe?: string;
  readonly augment?: boolean;
  readonly steps?: number;
  readonly alpha?: number;
  /** Rank 1 changes a weight a little before the ranks compare what they hold: instead of numbers, what is said of it. */
  readonly tamper?: boolean;
}

const common = { precision: "fp64", recipe: "accv2018", augment: false, batch: 8, alpha: 1, steps: 20 };

const cases = {
  rounded: { precision: "fp32", steps: 1 },
  plain: {},
  fading: { alpha: 0.5 },
  cycle: { recipe: "cycle", augment: true },
  critic: { recipe: "gan" },
} as const satisfies Record<string, Steps>;
type Case = keyof typeof cases;

/** Takes the steps of all cases with so many processes. */
async function steps(pack: string, size: number, all: readonly Steps[]): Promise<unknown[]> {
  const out = join(folder, `held-${size}.json`);
  const meeting = { file: join(folder, `meeting-${size}`) };
  const ended = Array.from({ length: size }, (_, rank) => {
    const place = size === 1 ? null : { rank, size, meeting };
    const given = { dist, place, pack, out, cases: all.map((each) => ({ ...common, ...each })) };
    const child = spawn(process.execPath, [script, JSON.stringify(given)], { stdio: ["ignore", "inherit", "inherit"] });
    return new Promise((resolve) => child.on("close", resolve));
  });
  expect(await Promise.all(ended)).toEqual(Array(size).fill(0));
  return JSON.parse(readFileSync(out, "utf8")) as unknown[];
}

/** By the number of processes. */
const held: Record<number, Partial<Record<Case, Held>>> = {};
let difference: unknown;

// As much as can be with one start of each number of processes.
beforeAll(async () => {
  const { path } = await makePack(folder, 40, 16, discs);
  const all = Object.keys(cases) as Case[];
  const byCase = (names: readonly Case[], results: readonly unknown[]) =>
    Object.fromEntries(names.map((name, i) => [name, results[i] as Held]));
  const take = (size: number, names: readonly Case[], more: readonly Steps[] = []) =>
    steps(path, size, [...names.map((name) => cases[name]), ...more]);
  held[1] = byCase(all, await take(1, all));
  const ofTwo = await take(2, all, [{ precision: "fp32", steps: 1, tamper: true }]);
  held[2] = byCase(all, ofTwo);
  difference = ofTwo.at(-1);
  held[3] = byCase(["plain"], await take(3, ["plain"]));
});

const heldBy = (size: number, name: Case) => held[size]?.[name] as Held;

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

test("in float32 the first gradients of two ranks are one's, but for rounding", () => {
  expect(relativeL2(heldBy(2, "rounded").gradients, heldBy(1, "rounded").gradients)).toBeLessThan(1e-5);
});

describe("in float64, after 20 steps, every weight, average and stored image is that of one process", () => {
  test.each<[string, number, Case]>([
    ["two ranks", 2, "plain"],
    ["three ranks with uneven shares", 3, "plain"],
    ["while a block fades in", 2, "fading"],
    ["with random changes of images, the averages of both networks, and both reconstructions", 2, "cycle"],
    ["of the recipe with a critic", 2, "critic"],
  ])("%s", (_, size, name) => {
    const one = heldBy(1, name);
    expect(largestDifference(heldBy(size, name).held, one.held)).toBeLessThan(1e-8);
    // Nothing of it is trivial: the steps moved the weights by up to 20 times the learning rate.
    expect(largestDifference(one.held, one.first)).toBeGreaterThan(1e-3);
  });
});

test("a rank that holds another weight, by a bit, is found", () => {
  expect(difference).toMatch(/^RANKS_DIFFER: rank 1 holds other weights than rank 0/);
});
