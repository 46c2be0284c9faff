// A training process, from outside.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { resumeCommand } from "../base/command-line.ts";
import { DataError, PioneerError, type StopReason } from "../base/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import { openPack } from "../data/pack/pack.ts";
import type { EndEvent, TrainReporter } from "./events.ts";
import { trainingFlags } from "./process-flags.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import type { RankPlace } from "./rank-places.ts";

/** The worker is always the built one: a process cannot be started on TypeScript sources. */
const workerFile = fileURLToPath(new URL("../../dist/train/process.js", import.meta.url));

/** One, which begins to load libtorch at once. */
export class Trainer {
  readonly #config: TrainConfig;
  readonly #pack: string;
  readonly #place: RankPlace | undefined;
  readonly #worker: ChildProcess;

  constructor(config: TrainConfig, pack: string, place?: RankPlace) {
    this.#config = config;
    this.#pack = pack;
    this.#place = place;
    // In a process group of its own, Ctrl-C reaches only us, and we decide what it means.
    this.#worker = fork(workerFile, [], {
      detached: true,
      execArgv: [...process.execArgv, ...trainingFlags],
      env: {
        ...process.env,
        // Without it cuBLAS cannot promise the same sums twice.
        ...(config.deterministic && { CUBLAS_WORKSPACE_CONFIG: ":4096:8" }),
        ...(place && { CUDA_VISIBLE_DEVICES: gpuOf(place) }),
      },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
  }

  /**
   * To the end of the process: by then the run is free for the next one.
   * @param report told what the process tells
   * @param heard called when it tells anything
   * @throws what it failed of, or how it ended
   */
  train(report: TrainReporter, heard: () => void): Promise<EndEvent> {
    const worker = this.#worker;
    return new Promise<EndEvent>((resolve, reject) => {
      let answer: (() => void) | undefined;
      worker.on("message", (message: FromWorker) => {
        heard();
        if (message.kind === "event") return report(message.event);
        if (message.kind === "done") {
          answer = () => resolve(message.end);
          return;
        }
        const error = new PioneerError(message.code, message.message, message.exitCode);
        error.stack = message.stack;
        answer = () => reject(error);
      });
      worker.on("error", reject);
      worker.on("exit", (code, signal) => {
        if (answer) answer();
        else reject(died(this.#config, this.#pack, this.#place?.rank, code, signal));
      });
      this.#tell({ kind: "train", config: this.#config, pack: this.#pack, place: this.#place });
    });
  }

  /** After the present step it writes a checkpoint and ends. */
  stop(reason: StopReason): void {
    this.#tell({ kind: "stop", reason });
  }

  kill(): void {
    this.#worker.kill("SIGKILL");
  }

  #tell(message: ToWorker): void {
    if (this.#worker.connected) this.#worker.send(message, () => undefined);
  }
}

/** Each process sees one GPU of those that may be seen, as its first. */
function gpuOf({ localRank }: RankPlace): string {
  const visible = process.env.CUDA_VISIBLE_DEVICES?.split(",").filter((name) => name !== "");
  // Who gave one GPU to each process, as srun can, has chosen already.
  if (visible?.length === 1) return visible[0] as string;
  return visible ? (visible[localRank] ?? "") : String(localRank);
}

function died(
  { run }: TrainConfig,
  pack: string,
  rank: number | undefined,
  code: number | null,
  signal: string | null,
): PioneerError {
  // Pixels are mapped: the kernel has no other way to say that there are none any more.
  const lost = signal === "SIGBUS" ? unreadable(pack) : undefined;
  if (lost !== undefined) {
    return new DataError(
      `${lost}; it was whole when training began. Nothing before the last checkpoint is lost: put the pack back as it was, then go on with \`${resumeCommand(run)}\``,
    );
  }
  const which = rank === undefined ? "the training process" : `the training process of rank ${rank}`;
  const how = signal
    ? `was killed (${signal}${signal === "SIGKILL" ? ", perhaps for lack of memory" : ""})`
    : `ended with exit code ${code}`;
  return new PioneerError(
    "WORKER",
    `${which} ${how}. Nothing before the last checkpoint is lost: go on with \`${resumeCommand(run)}\``,
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
