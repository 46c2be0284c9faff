// Several processes that share a batch against one that has all of it. They are real and meet on the loopback interface.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { shareOf } from "../../src/train/over-ranks.ts";
import { facts } from "../checkpoint/support.ts";
import { discs, makePack } from "../support/tiny.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 900_000 });

const folder = temporaryFolder();
const script = fileURLToPath(new URL("../support/rank-steps.js", import.meta.url));
const dist = new URL("../../dist", import.meta.url).href;

type Numbers = Readonly<Record<string, number[]>>;

/** What a learner holds after the first and after the last step, and the gradients of its first update of each network. */
interface Held {
  readonly first: Numbers;
  readonly held: Numbers;
  readonly gradients: Numbers;
  /** Digests of the images and random numbers of each step: one for each row of the batch, and of what is of all rows. */
  readonly drawn: readonly { readonly rows: readonly string[]; readonly whole: readonly string[] }[];
}

interface Steps {
  readonly precision?: "fp32" | "fp64";
  readonly recipe?: string;
  readonly augment?: boolean;
  readonly sharpen?: boolean;
  readonly steps?: number;
  readonly alpha?: number;
  /** Rank 1 changes a weight a little before the ranks compare what they hold: instead of numbers, what is said of it. */
  readonly tamper?: boolean;
  /** Writes a checkpoint on the way. */
  readonly save?: { readonly after: number; readonly run: string };
  /** A checkpoint to go on from. */
  readonly from?: string;
}

const common = { precision: "fp64", recipe: "accv2018", augment: false, sharpen: false, batch: 8, alpha: 1, steps: 20 };

/** After so many steps the two ranks write a checkpoint, from which one and three go on. */
const saved = 10;
const saving = (name: string) => ({ save: { after: saved, run: join(folder, name) } });
const goingOn = (name: string) => ({ from: join(folder, name, "checkpoint-00000000") });

const cases = {
  rounded: { precision: "fp32", steps: 1 },
  plain: {},
  fading: { alpha: 0.5 },
  cycle: { recipe: "cycle", augment: true },
  sharpened: { recipe: "cycle", augment: true, sharpen: true },
  critic: { recipe: "gan" },
} as const satisfies Record<string, Steps>;
type Case = keyof typeof cases;

/** Takes the steps of all cases with so many processes. */
async function steps(pack: string, size: number, all: readonly Steps[]): Promise<unknown[]> {
  const out = join(folder, `held-${size}.json`);
  const meeting = { file: join(folder, `meeting-${size}`) };
  const ended = Array.from({ length: size }, (_, rank) => {
    const place = size === 1 ? null : { rank, size, meeting };
    const given = { dist, place, pack, out, facts: facts(), cases: all.map((each) => ({ ...common, ...each })) };
    const child = spawn(process.execPath, [script, JSON.stringify(given)], { stdio: ["ignore", "inherit", "inherit"] });
    return new Promise((resolve) => child.on("close", resolve));
  });
  expect(await Promise.all(ended)).toEqual(Array(size).fill(0));
  return JSON.parse(readFileSync(out, "utf8")) as unknown[];
}

/** By the number of processes. */
const held: Record<number, Partial<Record<Case, Held>>> = {};
const wentOn: Record<number, Partial<Record<Case, Held>>> = {};
const kept = ["plain", "cycle"] as const satisfies Case[];
let difference: unknown;

// As much as can be with one start of each number of processes.
beforeAll(async () => {
  const { path } = await makePack(folder, 40, 16, discs);
  const all = Object.keys(cases) as Case[];
  const byCase = (names: readonly Case[], results: readonly unknown[]) =>
    Object.fromEntries(names.map((name, i) => [name, results[i] as Held]));
  const ofTwo = await steps(path, 2, [
    ...all.map((name) => ({ ...cases[name], ...(kept.some((each) => each === name) && saving(name)) })),
    { precision: "fp32", steps: 1, tamper: true },
  ]);
  held[2] = byCase(all, ofTwo);
  difference = ofTwo.at(-1);
  for (const [size, names] of [
    [1, all],
    [3, ["plain"]],
  ] as const) {
    const more = kept.map((name) => ({ ...cases[name], ...goingOn(name) }));
    const results = await steps(path, size, [...names.map((name) => cases[name]), ...more]);
    held[size] = byCase(names, results);
    wentOn[size] = byCase(kept, results.slice(names.length));
  }
});

const heldBy = (size: number, name: Case) => held[size]?.[name] as Held;
const heldLater = (size: number, name: Case) => wentOn[size]?.[name] as Held;

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
    ["with reconstructions among the fakes too", 2, "sharpened"],
    ["of the recipe with a critic", 2, "critic"],
  ])("%s", (_, size, name) => {
    const one = heldBy(1, name);
    expect(largestDifference(heldBy(size, name).held, one.held)).toBeLessThan(1e-8);
    // Nothing of it is trivial: the steps moved the weights by up to 20 times the learning rate.
    expect(largestDifference(one.held, one.first)).toBeGreaterThan(1e-3);
  });
});

describe("a run of two ranks that goes on with another number of them, in float64", () => {
  test.each<[number, (typeof kept)[number]]>([
    [1, "plain"],
    [3, "plain"],
    [1, "cycle"],
    [3, "cycle"],
  ])(
    "%i, %s: the same images in the same order, the same random numbers, and within 1e-8 the same end",
    (size, name) => {
      const never = heldBy(2, name);
      const { held, first, drawn } = heldLater(size, name);
      expect(drawn).toEqual(never.drawn.slice(saved));
      expect(drawn[0]?.rows).toHaveLength(common.batch);
      expect(new Set(never.drawn.flatMap(({ rows }) => rows)).size, "no two rows alike").toBe(
        common.steps * common.batch,
      );
      expect(largestDifference(held, never.held)).toBeLessThan(1e-8);
      expect(largestDifference(held, first)).toBeGreaterThan(1e-3);
    },
  );
});

test("a rank that holds another weight, by a bit, is found", () => {
  expect(difference).toMatch(/^RANKS_DIFFER: rank 1 holds other weights than rank 0/);
});
