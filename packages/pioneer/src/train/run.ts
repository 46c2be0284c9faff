// Training from outside: the pack is made ready, a process of its own trains, its events are passed on.

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { resumeCommand } from "../base/command-line.ts";
import { DataError, exitCodes, PioneerError, StoppedError, type StopReason } from "../base/errors.ts";
import { PatientLog } from "../base/patience.ts";
import { onStopSignals } from "../base/signals.ts";
import { checkNoRun } from "../checkpoint/run-folder.ts";
import type { TrainConfig } from "../config/config.ts";
import { openPack } from "../data/pack/pack.ts";
import type { PrepareProgress } from "../data/packing.ts";
import { dataOfRun } from "./data-of-run.ts";
import type { EndEvent, TrainReporter } from "./events.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";

export interface RunOptions {
  /** Ends the run after the present step, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Treat signals as a program at a terminal should (`onStopSignals`): checkpoint and end; a second Ctrl-C at once. */
  readonly handleSignals?: boolean;
  /** Silence of a training process that was asked to end, after which it is killed; ten minutes by default. */
  readonly stuckMs?: number;
}

const stuckMs = 600_000;

/** Between two lines of packing. */
const packingSeconds = 5;

/** The worker is always the built one: a process cannot be started on TypeScript sources. */
const workerFile = fileURLToPath(new URL("../../dist/train/process.js", import.meta.url));

/**
 * Trains or continues a run; the event loop of the caller stays free. Sources that are not packs are packed first.
 * @param report told everything, in order
 * @returns why the run ended
 * @throws PioneerError: ConfigError's, DataError's and so on of the training process, with their codes
 */
export async function runTraining(
  config: TrainConfig,
  report: TrainReporter,
  options: RunOptions = {},
): Promise<EndEvent> {
  // Before minutes of packing, not after.
  if (!config.resume) checkNoRun(config.run);
  const stopper = new Stopper(options, report);
  try {
    const patient = new PatientLog((text) => report({ kind: "log", text }), packingSeconds);
    const onProgress = ({ done, total }: PrepareProgress) => patient.doing(`packing: ${done} of ${total} images`);
    const { pack, prepared } = await dataOfRun(config, {
      signal: stopper.packing,
      onProgress,
      onWait: (text) => report({ kind: "log", text }),
    });
    if (prepared) report({ kind: "log", text: `packed ${pack.count} images into ${pack.path}` });
    for (const note of prepared?.notes ?? []) report({ kind: "log", text: note });
    for (const { name, reason } of prepared?.skipped ?? []) report({ kind: "log", text: `skipped ${name}: ${reason}` });
    // A pack that was there is not looked for in vain when somebody stops meanwhile.
    stopper.packing.throwIfAborted();
    return await trainInProcess(config, pack.path, report, stopper);
  } finally {
    stopper.close();
  }
}

function trainInProcess(config: TrainConfig, pack: string, report: TrainReporter, stopper: Stopper): Promise<EndEvent> {
  // In a process group of its own, Ctrl-C reaches only us, and we decide what it means.
  const worker = fork(workerFile, [], {
    detached: true,
    // Without it cuBLAS cannot promise the same sums twice.
    env: { ...process.env, ...(config.deterministic && { CUBLAS_WORKSPACE_CONFIG: ":4096:8" }) },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const tell = (message: ToWorker) => worker.connected && worker.send(message, () => undefined);
  return new Promise<EndEvent>((resolve, reject) => {
    let answered = false;
    worker.on("message", (message: FromWorker) => {
      stopper.heard();
      if (message.kind === "event") return report(message.event);
      answered = true;
      if (message.kind === "done") return resolve(message.end);
      const error = new PioneerError(message.code, message.message, message.exitCode);
      error.stack = message.stack;
      reject(error);
    });
    worker.on("error", reject);
    worker.on("exit", (code, signal) => {
      if (!answered) reject(stopper.atOnce ?? died(config, pack, code, signal));
    });
    stopper.attach(worker, (reason) => tell({ kind: "stop", reason }));
    tell({ kind: "train", config, pack });
  });
}

function died({ run }: TrainConfig, pack: string, code: number | null, signal: string | null): PioneerError {
  // Pixels are mapped: the kernel has no other way to say that there are none any more.
  const lost = signal === "SIGBUS" ? unreadable(pack) : undefined;
  if (lost !== undefined) {
    return new DataError(
      `${lost}; it was whole when training began. Nothing before the last checkpoint is lost: put the pack back as it was, then go on with \`${resumeCommand(run)}\``,
    );
  }
  const how = signal
    ? `was killed (${signal}${signal === "SIGKILL" ? ", perhaps for lack of memory" : ""})`
    : `ended with exit code ${code}`;
  return new PioneerError(
    "WORKER",
    `the training process ${how}. Nothing before the last checkpoint is lost: go on with \`${resumeCommand(run)}\``,
  );
}

/** What is wrong with a pack whose pixels could not be read. */
function unreadable(pack: string): string | undefined {
  try {
    openPack(pack);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Turns signals and the caller's AbortSignal into an orderly end. */
class Stopper {
  readonly #options: RunOptions;
  readonly #report: TrainReporter;
  readonly #packing = new AbortController();
  #send: ((reason: StopReason) => void) | undefined;
  #worker: ChildProcess | undefined;
  #asked = false;
  #forgetSignals: (() => void) | undefined;
  #stuck: NodeJS.Timeout | undefined;
  /** Set when a second Ctrl-C ended the training process. */
  atOnce: PioneerError | undefined;

  constructor(options: RunOptions, report: TrainReporter) {
    this.#options = options;
    this.#report = report;
    options.signal?.addEventListener("abort", this.#interrupted);
    if (options.signal?.aborted) this.#interrupted();
    if (options.handleSignals) this.#forgetSignals = onStopSignals((reason) => this.#stop(reason));
  }

  /** Aborted when the run is stopped before training began. */
  get packing(): AbortSignal {
    return this.#packing.signal;
  }

  attach(worker: ChildProcess, send: (reason: StopReason) => void): void {
    this.#worker = worker;
    this.#send = send;
  }

  /** The training process said something. One that was asked to end, and says nothing for long, hangs. */
  heard(): void {
    clearTimeout(this.#stuck);
    if (!this.#asked) return;
    const patience = this.#options.stuckMs ?? stuckMs;
    this.#stuck = setTimeout(() => {
      const seconds = Math.round(patience / 1000);
      this.atOnce = new StoppedError(
        `the training process did not end in ${seconds} s and was killed; go on from the last checkpoint with --resume`,
        "terminated",
      );
      this.#worker?.kill("SIGKILL");
    }, patience);
  }

  #stop(reason: StopReason): void {
    if (this.#asked) {
      if (reason === "terminated") return;
      this.atOnce = new StoppedError("stopped at once; go on from the last checkpoint with --resume");
      this.#worker?.kill("SIGKILL");
      if (!this.#worker) process.exit(exitCodes.interrupted);
      return;
    }
    this.#asked = true;
    if (this.#send) {
      this.#send(reason);
      this.heard();
      this.#report({ kind: "log", text: "finishing this step, then writing a checkpoint; Ctrl-C again stops at once" });
    } else {
      this.#packing.abort(new StoppedError("stopped before training began; the same command goes on", reason));
    }
  }

  readonly #interrupted = () => this.#stop("interrupted");

  close(): void {
    this.#options.signal?.removeEventListener("abort", this.#interrupted);
    this.#forgetSignals?.();
    clearTimeout(this.#stuck);
  }
}
