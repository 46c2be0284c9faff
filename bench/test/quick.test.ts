import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { ownSeconds, watchOthers } from "../src/others.ts";
import { isTimeForStep, isWarmUp, TimeShares } from "../src/time-shares.ts";

test("a time is shared by weight, and what one part leaves or takes too much is that of those after it", () => {
  let now = 100;
  const shares = new TimeShares(60, [1, 2, 3], () => now);
  expect(shares.next()).toBe(10);
  now += 5;
  expect(shares.next(), "55 s in five parts, two of them its own").toBe(22);
  now += 50;
  expect(shares.next(), "all that is left").toBe(5);
  now += 6;
  expect(new TimeShares(0, [1], () => now).next(), "the time is up").toBe(0);
});

test("one step is always timed, others while they fit, and never more than were asked for", () => {
  const limits = { steps: 3, seconds: 20 };
  expect(isTimeForStep([], 90, limits)).toBe(true);
  expect(isTimeForStep([6], 14, limits)).toBe(true);
  expect(isTimeForStep([6], 14.1, limits)).toBe(false);
  expect(isTimeForStep([1, 1, 1], 4, limits)).toBe(false);
  expect(isTimeForStep([90, 90], 300, { steps: 3 })).toBe(true);
});

test("short steps are repeated, those of the warm-up too", () => {
  const time = { steps: 3, leastSeconds: 2, seconds: 20 };
  expect([0, 1, 2].map((done) => isWarmUp(done, 2, 2, time))).toEqual([true, true, false]);
  expect(isWarmUp(2, 2, 1.9, time)).toBe(true);
  expect(isTimeForStep([0.5, 0.5, 0.5], 3.5, time)).toBe(true);
  expect(isTimeForStep([0.5, 0.5, 0.5], 19.6, time)).toBe(false);
  expect(isTimeForStep([0.5, 0.5, 1], 4, time)).toBe(false);
});

test("what child processes compute is own work, while they live and once they have ended", async () => {
  const others = watchOthers();
  const before = ownSeconds();
  const compute = `
    while (process.cpuUsage().user < 500_000);
    process.stdin.resume().on("end", () => process.exit());
    console.log("computed")`;
  // A shell between: children of children count as well.
  const child = spawn("sh", ["-c", '"$0" -e "$1"; exit', process.execPath, compute], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  // The kernel counts in hundredths of a second.
  expect(ownSeconds() - before).toBeGreaterThan(0.48);
  child.stdin.end();
  await once(child, "close");
  expect(ownSeconds() - before).toBeGreaterThan(0.48);
  expect(others()).toBeGreaterThanOrEqual(0);
});
