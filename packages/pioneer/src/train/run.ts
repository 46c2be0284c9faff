// Training from outside: the pack is made ready, a process of its own trains, its events are passed on.

import { setTimeout as afterMs } from "node:timers/promises";
import { commandLine } from "../base/command-line.ts";
import { ConfigError, exitCodes, PioneerError, StoppedError, type StopReason } from "../base/errors.ts";
import { PatientLog } from "../base/patience.ts";
import { shellWord } from "../base/shell-word.ts";
import { onStopSignals } from "../base/signals.ts";
import { checkNoRun } from "../checkpoint/run-folder.ts";
import type { TrainConfig } from "../config/config.ts";
import { isPackFile } from "../data/ensure.ts";
import type { PrepareProgress } from "../data/packing.ts";
import { dataOfRun } from "./data-of-run.ts";
import type { EndEvent, TrainReporter } from "./events.ts";
import { type RankPlace, rankPlaces } from "./rank-places.ts";
import { Trainer } from "./trainer.ts";

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

/** In which a rank that failed says so to us, after others have heard of it. */
const secondsForOthers = 25;

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
  const started = rankPlaces(config);
  const stopper = new Stopper(options, report);
  try {
    const { places } = started;
    const [place] = places;
    // Before minutes of packing, not after. Another rank's machine may see the folder that rank 0 has made meanwhile.
    if (!config.resume && (place === undefined || place.rank === 0)) checkNoRun(config.run);
    if (place !== undefined && places.length < place.size) await checkPacked(config);
    const patient = new PatientLog((text) => report({ kind: "log", text }), packingSeconds);
    const onProgress = ({ done, total }: PrepareProgress) => patient.doing(`packing: ${done} of ${total} images`);
    const onFinding = (done: number, total: number) => patient.doing(`finding faces: ${done} of ${total} photos`);
    const { pack, prepared } = await dataOfRun(config, {
      onFinding,
      signal: stopper.packing,
      onProgress,
      onWait: (text) => report({ kind: "log", text }),
    });
    if (prepared) report({ kind: "log", text: `packed ${pack.count} images into ${pack.path}` });
    for (const note of prepared?.notes ?? []) report({ kind: "log", text: note });
    for (const { name, reason } of prepared?.skipped ?? []) report({ kind: "log", text: `skipped ${name}: ${reason}` });
    // A pack that was there is not looked for in vain when somebody stops meanwhile.
    stopper.packing.throwIfAborted();
    return places.length === 0
      ? await trainInProcess(new Trainer(config, pack.path), report, stopper)
      : await trainInProcesses(config, pack.path, places, report, stopper);
  } finally {
    stopper.close();
    started.close();
  }
}

/** Where several machines train, each would pack the images for itself, or all at once in one place. */
async function checkPacked({ data, resume }: TrainConfig): Promise<void> {
  if (resume || (await isPackFile(data))) return;
  const prepare = commandLine(`dataset prepare ${shellWord(data)} data.pack`);
  throw new ConfigError(
    `--data ${data} is no pack: where WORLD_SIZE says that several machines may train, prepare one first with \`${prepare}\`, and give --data that on all`,
  );
}

function trainInProcess(trainer: Trainer, report: TrainReporter, stopper: Stopper): Promise<EndEvent> {
  stopper.attach([trainer]);
  return trainer
    .train(report, () => stopper.heard())
    .catch((error: unknown) => {
      throw stopper.atOnce ?? error;
    });
}

/**
 * One process for each place. When one ends before its time the others end with it; what is thrown is what went wrong first,
 * not what the others say of it.
 */
async function trainInProcesses(
  config: TrainConfig,
  pack: string,
  places: readonly RankPlace[],
  report: TrainReporter,
  stopper: Stopper,
): Promise<EndEvent> {
  const trainers = places.map((place) => new Trainer(config, pack, place));
  stopper.attach(trainers);
  const silent: TrainReporter = () => undefined;
  const ends = trainers.map((trainer, index) =>
    trainer.train(places[index]?.rank === 0 ? report : silent, () => stopper.heard()),
  );
  try {
    const [end] = await Promise.all(ends.map((end) => end.catch(afterOthers(ends))));
    return end as EndEvent;
  } catch (error) {
    throw stopper.atOnce ?? error;
  } finally {
    for (const trainer of trainers) trainer.kill();
    await Promise.allSettled(ends);
  }
}

/**
 * A rank that only says that others are gone gives those of them that were started here some time to say why. The timer keeps
 * this process: by now nothing else may.
 */
const afterOthers = (ends: readonly Promise<EndEvent>[]) => async (error: unknown) => {
  if (!isOfOthers(error)) throw error;
  const causeIn = async (end: Promise<EndEvent>): Promise<unknown> => {
    const said = await end.then(
      () => error,
      (other: unknown) => other,
    );
    if (isOfOthers(said)) throw error;
    return said;
  };
  const firstCause = Promise.any(ends.map(causeIn)).catch(() => error);
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    throw await Promise.race([firstCause, afterMs(secondsForOthers * 1000, error, { signal })]);
  } finally {
    waiting.abort();
  }
};

const isOfOthers = (error: unknown): boolean => error instanceof PioneerError && error.code === "RANKS";

/** Turns signals and the caller's AbortSignal into an orderly end. */
class Stopper {
  readonly #options: RunOptions;
  readonly #report: TrainReporter;
  readonly #packing = new AbortController();
  #trainers: readonly Trainer[] = [];
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

  attach(trainers: readonly Trainer[]): void {
    this.#trainers = trainers;
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
      this.#kill();
    }, patience);
  }

  #stop(reason: StopReason): void {
    if (this.#asked) {
      if (reason === "terminated") return;
      this.atOnce = new StoppedError("stopped at once; go on from the last checkpoint with --resume");
      this.#kill();
      if (this.#trainers.length === 0) process.exit(exitCodes.interrupted);
      return;
    }
    this.#asked = true;
    if (this.#trainers.length > 0) {
      for (const trainer of this.#trainers) trainer.stop(reason);
      this.heard();
      this.#report({ kind: "log", text: "finishing this step, then writing a checkpoint; Ctrl-C again stops at once" });
    } else {
      this.#packing.abort(new StoppedError("stopped before training began; the same command goes on", reason));
    }
  }

  #kill(): void {
    for (const trainer of this.#trainers) trainer.kill();
  }

  readonly #interrupted = () => this.#stop("interrupted");

  close(): void {
    this.#options.signal?.removeEventListener("abort", this.#interrupted);
    this.#forgetSignals?.();
    clearTimeout(this.#stuck);
  }
}
