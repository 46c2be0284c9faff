import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ModelError, type ModelErrorCode } from "pioneer-runtime";
import { StudioError } from "../base/errors.ts";
import type { Computed, FromProcess, ToProcess } from "./protocol.ts";

const processFile = fileURLToPath(new URL("../../../dist/server/compute/process.js", import.meta.url));

/** A job that takes longer is given up, and its process with it. */
const mostSeconds = 120;

/** One process that computes, a job at a time. */
export class Computer {
  readonly #process: ChildProcess;
  #waiting: { resolve(computed: Computed): void; reject(error: Error): void } | undefined;
  #ended = false;

  constructor() {
    this.#process = fork(processFile, [], {
      // ONNX Runtime from 1.29 on tells Microsoft of its use unless it is told not to.
      env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#process.on("message", (message: FromProcess) => this.#settle(message));
    const lost = () => {
      this.#ended = true;
      this.#fail(
        new StudioError(500, "COMPUTER", "the process that computes ended, perhaps for lack of memory: try again"),
      );
    };
    this.#process.on("exit", lost);
    this.#process.on("error", lost);
  }

  /** It will answer no more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** @throws ModelError of the model, StudioError if the process ended */
  async run(message: ToProcess): Promise<Computed> {
    const timer = setTimeout(() => {
      this.#fail(new StudioError(503, "SLOW", `this took longer than ${mostSeconds} s and was given up: ask for less`));
      this.end();
    }, mostSeconds * 1000);
    try {
      return await new Promise<Computed>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        this.#process.send(message, (error) => error && this.#process.kill("SIGKILL"));
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it, whatever it does. */
  end(): void {
    this.#ended = true;
    this.#process.kill("SIGKILL");
  }

  #settle(message: FromProcess): void {
    if (message.kind === "done") this.#waiting?.resolve(message);
    else this.#fail(errorOf(message));
    this.#waiting = undefined;
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

function errorOf({ code, message }: { readonly code: string; readonly message: string }): Error {
  if (code === "UNEXPECTED") return new StudioError(500, code, message);
  return new ModelError(code as ModelErrorCode, message);
}
