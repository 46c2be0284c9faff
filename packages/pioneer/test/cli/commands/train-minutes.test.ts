// train --minutes: the schedule follows the clock, at first beside a process that eats a core.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { newestCheckpoint } from "../../../src/checkpoint/run-folder.ts";
import { readState } from "../../../src/checkpoint/state.ts";
import { tiny } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { discs, makePack } from "../../support/tiny.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = temporaryFolder();
const run = join(folder, "timed");
let data: string;
let eater: ChildProcess;
beforeAll(async () => {
  data = (await makePack(folder, 40, 16, discs)).path;
  eater = spawn(process.execPath, ["-e", "for (;;);"]);
});
afterAll(() => eater.kill("SIGKILL"));

const newest = () => readState(newestCheckpoint(run) as string);
const train = (...more: string[]) => pioneer(folder, ["train", "--run", run, ...more]);

test("phases end by the clock, and the run when its time is over; more time goes on from there", async () => {
  const budget = ["--resolution", "16", "--minutes"];
  const first = await train("--data", data, ...tiny, ...budget, "0.1");
  eater.kill("SIGKILL");
  expect(first).toMatchObject({ code: 0, stderr: "" });
  const { schedule, images, elapsedSeconds, phase } = newest();
  expect(images).toBeGreaterThanOrEqual(schedule.totalImages);
  // Six seconds: no plan that was too quick ends it. It looks at the clock once more at its end.
  expect(elapsedSeconds).toBeGreaterThan(5.9);
  expect(schedule.phases.slice(0, phase + 1).map((entry) => entry.phase)).toEqual(
    Array.from({ length: phase + 1 }, (_, i) => i),
  );
  for (const [i, { startImages }] of schedule.phases.entries()) {
    if (i > 0) expect(startImages).toBeGreaterThan(schedule.phases[i - 1]?.startImages as number);
  }

  // However long the first took: three seconds more.
  const minutes = elapsedSeconds / 60 + 0.05;
  const more = await train("--resume", "--minutes", String(minutes));
  expect(more).toMatchObject({ code: 0, stderr: "" });
  const after = newest();
  expect(after.images).toBeGreaterThan(images);
  expect(after.phase).toBeGreaterThanOrEqual(phase);
  expect(after.schedule.phases[0]).toEqual(schedule.phases[0]);
  const config = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
  expect(JSON.stringify(config)).toContain(`"minutes":${minutes}`);

  // And by images, from there on.
  const byImages = await train("--resume", "--total-kimg", String((after.images + 16) / 1000));
  expect(byImages).toMatchObject({ code: 0, stderr: "" });
  expect(newest().images).toBe(after.images + 16);
});

test("what goes by images does not go with it", async () => {
  const refused = await train("--data", data, ...tiny, "--minutes", "1", "--total-kimg", "3");
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain("--minutes 1 goes by the clock, --total-kimg by images: leave one of them out");
});
