// The command line as a user has it: the build (`npm run build`), in a folder of the test's own.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { childrenOf, statOf } from "../../../torch/test/support/proc.ts";

export const bin = fileURLToPath(new URL("../../bin/pioneer.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A test whose time is up does not end what it started, and trainings would go on beside the next tests. */
const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** A running `pioneer` whose words can be waited for. */
export class Pioneer {
  readonly child: ChildProcess;
  readonly end: Promise<Outcome>;
  stdout = "";
  stderr = "";

  /** @param command what starts it; `pioneer` itself unless it is wrapped in something */
  constructor(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, command = [process.execPath, bin]) {
    const [file = "", ...first] = command;
    this.child = spawn(file, [...first, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this.child);
    this.child.stdout?.on("data", (text) => {
      this.stdout += text;
    });
    this.child.stderr?.on("data", (text) => {
      this.stderr += text;
    });
    this.end = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits until stdout holds `count` lines that match. @returns false if it ended before */
  async says(line: RegExp, count = 1): Promise<boolean> {
    const seen = () =>
      this.stdout
        .split("\n")
        .slice(0, -1)
        .filter((text) => line.test(text)).length >= count;
    while (!seen()) {
      const ended = await Promise.race([
        new Promise<false>((resolve) => this.child.stdout?.once("data", () => resolve(false))),
        this.end.then(() => true),
      ]);
      if (ended && !seen()) return false;
    }
    return true;
  }
}

/** Runs `pioneer` to its end. */
export const pioneer = (cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  new Pioneer(cwd, args, env).end;

/** The training process of a run, as its lock names it. */
export const workerOf = (run: string): number => Number(/\d+/.exec(readFileSync(join(run, ".lock"), "utf8"))?.[0]);

/** The training processes of a command line with --nproc, rank 0 first; none once it has ended. */
export const ranksOf = ({ child }: Pioneer): number[] => childrenOf(child.pid as number);

/** Whether a process computes: one that ended but was not reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/[ZX]/.test(statOf(pid)?.state ?? "");
  } catch {
    return false;
  }
}

/**
 * What makes two runs the same: the bytes of the newest checkpoint's tensors, and its state but for the clock. Its name tells
 * also whether others of its kimg came before.
 */
export function fingerprint(run: string): Record<string, unknown> {
  const name = checkpoints(run).at(-1) ?? "";
  const folder = join(run, name);
  const digest = (file: string) =>
    createHash("sha256")
      .update(readFileSync(join(folder, file)))
      .digest("hex");
  const {
    elapsedSeconds: _,
    digest: __,
    ...state
  } = JSON.parse(readFileSync(join(folder, "state.json"), "utf8")) as Record<string, unknown>;
  return { networks: digest("networks.safetensors"), training: digest("state.safetensors"), state };
}

export const checkpoints = (run: string): string[] =>
  readdirSync(run)
    .filter((name) => name.startsWith("checkpoint-"))
    .sort();

/** Small enough to train in seconds. 210 images a phase are no multiple of the batch: a phase begins between two. */
export const tiny =
  "--latent 16 --channels 16 --batch 8 --kimg-per-phase 0.21 --checkpoint-kimg 0.03 --threads 1 --precision fp32 --seed 4".split(
    " ",
  );

/** The command line of a new run of that size; `more` comes last, and counts. */
export const trainTiny = (data: string, run: string, ...more: readonly string[]): string[] => [
  "train",
  "--data",
  data,
  "--run",
  run,
  ...tiny,
  ...more,
];

/** The command line of a run that goes on. */
export const resume = (run: string, ...more: readonly string[]): string[] => [
  "train",
  "--run",
  run,
  "--resume",
  ...more,
];

/** What `trainTiny` is given where several processes train: 38 steps, a checkpoint about every 4. */
export const forRanks = ["--resolution", "8", "--kimg-per-phase", "0.1"];
