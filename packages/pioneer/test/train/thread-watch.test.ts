// The watch is told how long steps take: no test depends on a clock.
import { expect, test } from "vitest";
import { type ThreadFinding, ThreadWatch } from "../../src/train/thread-watch.ts";

/** Lets steps of one image pass. @param secondsOf a step with so many threads @returns what was found, and all numbers of threads taken */
function run(watch: ThreadWatch, seconds: number, secondsOf: (threads: number) => number) {
  const found: ThreadFinding[] = [];
  const taken = new Set<number>();
  for (let time = 0; time < seconds; ) {
    const { threads } = watch;
    taken.add(threads);
    const took = secondsOf(threads);
    const finding = watch.took(took);
    time += took;
    if (finding) found.push(finding);
  }
  return { found, taken: [...taken].sort((a, b) => a - b) };
}

const watch = (threads = 2, counts = [1, 2]) => new ThreadWatch(counts, threads, 8);
const quiet = (threads: number) => (threads === 1 ? 0.18 : 0.1);
/** Two threads wait for each other. */
const busy = (threads: number) => (threads === 1 ? 0.2 : 1.4);

test("as long as steps take what they took, nothing else is tried and nothing is told", () => {
  expect(run(watch(), 3600, quiet)).toEqual({ found: [], taken: [2] });
  // Windows that differ by less than half are the run's own.
  let step = 0;
  expect(run(watch(), 3600, () => (step++ % 400 < 200 ? 0.1 : 0.14))).toEqual({ found: [], taken: [2] });
});

test("when steps get slow, all counts are compared with steps of the run, and the fastest is taken", () => {
  const watched = watch();
  run(watched, 120, quiet);
  const { found, taken } = run(watched, 60, busy);
  expect(taken).toEqual([1, 2]);
  expect(found).toEqual([
    {
      slowdown: expect.closeTo(14, 6),
      rates: [
        { threads: 1, imagesPerSecond: expect.closeTo(8 / 0.2, 6) },
        { threads: 2, imagesPerSecond: expect.closeTo(8 / 1.4, 6) },
      ],
      threads: 1,
    },
  ]);
  expect(watched.threads).toBe(1);
});

test("the first step of each count, which builds kernels, does not count", () => {
  const watched = watch();
  run(watched, 120, quiet);
  const firsts = new Set<number>();
  let begun = false;
  const { found } = run(watched, 60, (threads) => {
    begun ||= threads === 1;
    if (!begun || firsts.has(threads)) return busy(threads);
    firsts.add(threads);
    return 5;
  });
  expect(found[0]?.rates[0]?.imagesPerSecond).toBeCloseTo(8 / 0.2, 6);
});

test("some slow seconds are no reason: they may be a checkpoint of another run", () => {
  const watched = watch();
  run(watched, 120, quiet);
  run(watched, 5, busy);
  expect(run(watched, 120, quiet)).toEqual({ found: [], taken: [2] });
});

test("where the others are no faster the number stays, that is told, and the next comparison waits twice as long", () => {
  const watched = watch();
  run(watched, 120, quiet);
  const slow = (threads: number) => 4 * quiet(threads);
  const { found } = run(watched, 1000, slow);
  expect(found.every(({ threads, rates }) => threads === 2 && rates.length === 2)).toBe(true);
  // After 60 s, and about 120, 240 and 480 s later.
  expect(found.length).toBeGreaterThanOrEqual(3);
  expect(found.length).toBeLessThanOrEqual(4);
});

test("fewer threads than there are compared again after ten minutes, and become all of them when the machine is quiet", () => {
  const watched = watch(1);
  expect(run(watched, 590, quiet)).toEqual({ found: [], taken: [1] });
  const { found } = run(watched, 60, quiet);
  expect(found).toMatchObject([{ threads: 2, slowdown: expect.closeTo(1, 6) }]);
  expect(watched.threads).toBe(2);
});

test("such a comparison of which nothing comes is not told", () => {
  expect(run(watch(1), 3600, busy)).toEqual({ found: [], taken: [1, 2] });
});

test("it takes one step of a count that is hopeless, and comes less and less often", () => {
  const watched = watch(1, [1, 2, 4]);
  const steps = new Map([1, 2, 4].map((threads) => [threads, 0]));
  const count = (seconds: number) =>
    run(watched, seconds, (threads) => {
      steps.set(threads, (steps.get(threads) ?? 0) + 1);
      return { 1: 0.2, 2: 0.7, 4: 3 }[threads] ?? 0;
    });
  count(650);
  expect(steps.get(4)).toBe(1);
  // Its first step, and as many as take a second.
  expect(steps.get(2)).toBeGreaterThan(2);
  // After 600 s, four times; then after 960 s and from there on every half hour, each time some seconds late.
  count(4 * 3600 - 650);
  expect(steps.get(4)).toBeGreaterThanOrEqual(10);
  expect(steps.get(4)).toBeLessThanOrEqual(11);
});

test("a number that was asked for stays; that steps got slow is told once, and again after they were fast", () => {
  const watched = watch(2, [2]);
  run(watched, 120, quiet);
  const expected = [{ slowdown: expect.closeTo(14, 6), rates: [], threads: 2 }];
  expect(run(watched, 600, busy)).toEqual({ found: expected, taken: [2] });
  expect(run(watched, 120, quiet).found).toEqual([]);
  expect(run(watched, 600, busy).found).toHaveLength(1);
});
