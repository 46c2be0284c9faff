import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Rng } from "pioneer-runtime/internal";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { resolveTrainConfig } from "../../../src/config/config.ts";
import type { TickEvent } from "../../../src/train/events.ts";
import { runTraining } from "../../../src/train/run.ts";
import { bin, fingerprint, isAlive, Pioneer, pioneer, resume, trainTiny, workerOf } from "../../support/cli.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts many processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

// 4x4 for 420 images, 8x8 for 840: faded in after 630, and 200 images later the pool is full and begins to swap.
const schedule = ["--resolution", "8", "--kimg-per-phase", "0.42", "--batch", "16", "--checkpoint-kimg", "0.06"];
const folder = temporaryFolder();
let data: string;
let never: ReturnType<typeof fingerprint>;
const start = (run: string, ...more: string[]) => trainTiny(data, run, ...schedule, ...more);
const goOn = (run: string) => `go on with: pioneer train --run ${run} --resume\n`;

// The run that nothing stops: 79 steps, a checkpoint about every 4.
beforeAll(async () => {
  data = (await makePack(folder, 40, 16, discs)).path;
  const { code, stderr } = await pioneer(folder, start("never"));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  never = fingerprint(join(folder, "never"));
});

/** Polled, because nobody tells us of the end of a grandchild. */
const gone = (pid: number) => vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000, interval: 20 });

test("a run killed with -9 at random moments and resumed equals the run never killed, bit for bit", async () => {
  const random = new Rng(13);
  const upTo = (end: number) => random.uint32() % end;
  const run = join(folder, "killed");
  let kills = 0;
  for (let session = new Pioneer(folder, start("killed")); ; session = new Pioneer(folder, resume("killed"))) {
    // Some checkpoints further (21 in all), then any moment of the steps and the writing that follow.
    const alive = kills < 5 && (await session.says(/^wrote .*checkpoint/, 1 + upTo(4)));
    if (!alive) {
      expect(await session.end).toMatchObject({ code: 0, stderr: "" });
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, upTo(120)));
    const worker = workerOf(run);
    if (kills % 2 === 0) {
      // The command line dies, and its training process with it.
      session.child.kill("SIGKILL");
      await gone(worker);
      if ((await session.end).signal === "SIGKILL") kills++;
    } else {
      if (isAlive(worker)) process.kill(worker, "SIGKILL");
      const { code, stderr } = await session.end;
      if (code === 0) break;
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^pioneer: the training process was killed \(SIGKILL.*go on with `pioneer train --run killed --resume`\n$/,
      );
      kills++;
    }
  }
  expect(kills).toBeGreaterThanOrEqual(4); // a fast machine may finish before the fifth
  expect(fingerprint(run)).toEqual(never);
  const ticks = readFileSync(join(run, "stats.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as TickEvent);
  expect(ticks.map(({ images }) => images)).toEqual(ticks.map(({ images }) => images).sort((a, b) => a - b));
});

test("Ctrl-C, SIGTERM and --max-minutes each end in a checkpoint, and the run goes on as if nothing had been", async () => {
  const first = new Pioneer(folder, start("stopped"));
  expect(await first.says(/^wrote .*checkpoint/, 14)).toBe(true); // 848 images: the pool is full
  first.child.kill("SIGINT");
  const interrupted = await first.end;
  expect(interrupted).toMatchObject({ code: 130, stderr: "" });
  expect(interrupted.stdout).toContain("finishing this step, then writing a checkpoint; Ctrl-C again stops at once\n");
  expect(interrupted.stdout).toMatch(
    /^interrupted at [\d.]+ kimg, checkpoint stopped\/checkpoint-0000000[01](\.\d{3})?$/m,
  );
  expect(interrupted.stdout.endsWith(goOn("stopped"))).toBe(true);

  const second = new Pioneer(folder, resume("stopped", "--json"));
  // With --json everything for people is on stderr.
  while (!second.stderr.includes("wrote stopped/checkpoint"))
    await new Promise((resolve) => second.child.stderr?.once("data", resolve));
  second.child.kill("SIGTERM");
  const terminated = await second.end;
  expect(terminated.code).toBe(143);
  const end = JSON.parse(terminated.stdout) as { images: number };
  expect(end).toMatchObject({
    reason: "terminated",

    continueCommand: "pioneer train --run stopped --resume",
  });

  const timed = await pioneer(folder, resume("stopped", "--max-minutes", "1e-9"));
  expect(timed).toMatchObject({ code: 0, stderr: "" });
  expect(timed.stdout).toMatch(/^time is up at /m);
  expect(timed.stdout.endsWith(goOn("stopped"))).toBe(true);
  const state = fingerprint(join(folder, "stopped")).state as { images: number };
  expect(state.images).toBe(end.images + 16); // one step

  expect(await pioneer(folder, resume("stopped"))).toMatchObject({ code: 0, stderr: "" });
  expect(fingerprint(join(folder, "stopped"))).toEqual(never);
});

test("a run stopped between two phases goes on as if nothing had been", async () => {
  // Phase 1 begins at 420 images, between 416 and 432: the checkpoint there still has the pool of 4x4 images, and is a model of
  // these: of 8x8 nothing is trained.
  const stopped = await pioneer(folder, start("between", "--total-kimg", "0.424"));
  expect(stopped).toMatchObject({ code: 0, stderr: "" });
  expect(fingerprint(join(folder, "between")).state).toMatchObject({
    images: 432,
    phase: 0,
    resolution: 4,
    alpha: 1,
    poolImages: 200,
  });
  expect(await pioneer(folder, resume("between", "--total-kimg", "1.26"))).toMatchObject({ code: 0, stderr: "" });
  expect({ ...fingerprint(join(folder, "between")), state: {} }).toEqual({ ...never, state: {} });
});

test("in bf16, on two threads and in the authors' order, resuming is exact as well", async () => {
  // Threads that wait must not spin: other tests run beside. 4x4 for 40 images, 8x8 for 80, faded in after 60.
  const options = [
    "--precision",
    "bf16",
    "--deterministic",
    "--threads",
    "2",
    "--encoder-order",
    "authors",
    "--kimg-per-phase",
    "0.04",
    "--total-kimg",
  ];
  const done = async (args: string[]) =>
    expect(await pioneer(folder, args, { OMP_WAIT_POLICY: "passive" })).toMatchObject({ code: 0, stderr: "" });
  await done(start("short", ...options, "0.12"));
  await done(start("short2", ...options, "0.08"));
  await done(resume("short2", "--total-kimg", "0.12"));
  expect(fingerprint(join(folder, "short2"))).toEqual(fingerprint(join(folder, "short")));
});

test("another batch and learning rate hold from there on, and the log says so", async () => {
  expect(await pioneer(folder, start("other", "--total-kimg", "0.1"))).toMatchObject({ code: 0, stderr: "" });
  const more = ["--total-kimg", "0.2", "--batch", "4", "--lr", "0.0005"];
  const { code, stdout, stderr } = await pioneer(folder, resume("other", ...more));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("\nfrom here on with --batch 4, before 16\nfrom here on with --lr 0.0005, before 0.001\n");
  // 7 steps of 16, then 22 of 4; from now on that is what the run was started with.
  expect(fingerprint(join(folder, "other")).state).toMatchObject({ images: 200, steps: 7 + 22 });
  const next = await pioneer(folder, resume("other", "--total-kimg", "0.21"));
  expect(next).toMatchObject({ code: 0, stderr: "" });
  expect(next.stdout).not.toContain("from here on");
  expect(fingerprint(join(folder, "other")).state).toMatchObject({ images: 212, steps: 7 + 25 });
});

describe("without a terminal", () => {
  const log = (run: string) => readFileSync(join(folder, run, "log.txt"), "utf8");
  const hasScript = spawnSync("script", ["--version"]).status === 0;
  if (!hasScript) console.log("skipped: a terminal to close needs script (Debian: bsdutils)");

  test.skipIf(!hasScript)("that was closed, as by a lost connection: a checkpoint, and it is gone", async () => {
    const command = [process.execPath, bin, ...start("closed")].map((word) => `'${word}'`).join(" ");
    const terminal = new Pioneer(folder, [], {}, ["script", "-qec", command, "/dev/null"]);
    expect(await terminal.says(/wrote closed.checkpoint-00000000/)).toBe(true);
    const worker = workerOf(join(folder, "closed"));
    terminal.child.kill("SIGKILL");
    await gone(worker);
    expect(log("closed")).toMatch(/ terminated at [\d.]+ kimg, checkpoint closed\/checkpoint-0000000\d(\.\d{3})?\n$/);
    expect(await pioneer(folder, resume("closed"))).toMatchObject({ code: 0, stderr: "" });
    expect(fingerprint(join(folder, "closed"))).toEqual(never);
  });

  test.skipIf(!hasScript)(
    "a terminal shows every line, the last ones too, and none with remains of a bar",
    async () => {
      const args = [...start("shown"), "--total-kimg", "0.1", "--grid-kimg", "0.05"];
      const command = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(" ");
      const { code, stdout } = await new Pioneer(folder, [], {}, ["script", "-qec", command, "/dev/null"]).end;
      expect(code).toBe(0);
      for (const line of log("shown").trimEnd().split("\n")) {
        const text = line.slice(line.indexOf(" ") + 1);
        // Status lines are the bars.
        if (!/ kimg \| phase /.test(text)) expect(stdout.replaceAll("\x1b[K", "")).toContain(`${text}\r\n`);
      }
      expect(stdout).toContain("wrote shown/checkpoint-00000000.112\x1b[K\r\n");
    },
  );

  test("from the start, as under nohup: a logout does not end it", async () => {
    const started = new Pioneer(folder, start("nohup", "--total-kimg", "0.208"));
    expect(await started.says(/^wrote .*checkpoint/)).toBe(true);
    started.child.kill("SIGHUP");
    expect(await started.end).toMatchObject({ code: 0, stderr: "" });
    expect(log("nohup")).toMatch(/ finished at 0\.21 kimg/);
  });
});

test("a program's signal that is aborted already begins nothing", async () => {
  const config = resolveTrainConfig({ data, run: join(folder, "aborted"), resolution: 8, latent: 16, channels: 16 });
  const signal = AbortSignal.abort();
  await expect(runTraining(config, () => undefined, { signal })).rejects.toMatchObject({
    code: "INTERRUPTED",
    message: "stopped before training began; the same command goes on",
  });
  expect(existsSync(join(folder, "aborted"))).toBe(false);
});

// The others go on while it is waited for who holds the run.
test.concurrent("a training process that was asked to end and hangs is killed", async () => {
  const run = join(folder, "hanging");
  const config = resolveTrainConfig({ data, run, resolution: 8, latent: 16, channels: 16, batch: 8, threads: 1 });
  const controller = new AbortController();
  let worker = 0;
  const training = runTraining(
    config,
    ({ kind }) => {
      if (kind !== "checkpoint") return;
      worker = workerOf(run);
      process.kill(worker, "SIGSTOP");
      controller.abort();
    },
    { signal: controller.signal, stuckMs: 1000 },
  );
  await expect(training).rejects.toMatchObject({
    code: "TERMINATED",
    message: "the training process did not end in 1 s and was killed; go on from the last checkpoint with --resume",
  });
  await gone(worker);
});

describe.concurrent("stopping at once, and who holds the run", () => {
  test("a second Ctrl-C stops at once; meanwhile nobody else may train the run, afterwards anybody", async () => {
    const first = new Pioneer(folder, start("held"));
    expect(await first.says(/^wrote .*checkpoint/)).toBe(true);
    // The training process is made to stand still, as one in a long step does.
    const worker = workerOf(join(folder, "held"));
    process.kill(worker, "SIGSTOP");
    const second = await pioneer(folder, resume("held"));
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toBe(
      `pioneer: held is being trained by another process (process ${worker}): wait for it, or stop it\n`,
    );

    first.child.kill("SIGINT");
    expect(await first.says(/^finishing this step/)).toBe(true);
    first.child.kill("SIGINT");
    const ended = await first.end;
    expect(ended.code).toBe(130);
    expect(ended.stderr).toBe("pioneer: stopped at once; go on from the last checkpoint with --resume\n");
    expect(isAlive(worker)).toBe(false);

    expect(await pioneer(folder, resume("held", "--max-minutes", "1e-9"))).toMatchObject({ code: 0, stderr: "" });
  });

  test("after -9 of the command line the training process ends by itself, and --resume works immediately", async () => {
    const run = join(folder, "orphan");
    const first = new Pioneer(folder, start("orphan"));
    expect(await first.says(/^phase 0/)).toBe(true);
    const worker = workerOf(run);
    expect(isAlive(worker)).toBe(true);
    first.child.kill("SIGKILL");
    const next = new Pioneer(folder, resume("orphan", "--max-minutes", "1e-9"));
    await gone(worker);
    expect(await next.end).toMatchObject({ code: 0, stderr: "" });
  });
});

test.concurrent("a log that a killed process cut off in the middle of a line is put right", async () => {
  const run = join(folder, "cut");
  cpSync(join(folder, "never"), run, { recursive: true });
  rmSync(join(run, ".lock"));
  const stats = join(run, "stats.jsonl");
  const whole = readFileSync(stats, "utf8");
  appendFileSync(stats, '{"images":2000,"totalImages":1260}\n{"images":8');
  const longer = await pioneer(folder, resume("cut", "--total-kimg", "1.27"));
  expect(longer).toMatchObject({ code: 0, stderr: "" });
  const after = readFileSync(stats, "utf8");
  expect(after.startsWith(whole)).toBe(true);
  expect(
    after
      .slice(whole.length)
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as TickEvent).images),
  ).toEqual([1280]);
});
