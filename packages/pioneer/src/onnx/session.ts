// An ONNX network in a process of its own, on the CPU.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Feed, FromNetwork, Port, ToNetwork } from "./protocol.ts";

/** The built file: a process cannot be started on TypeScript sources. */
const processFile = fileURLToPath(new URL("../../dist/onnx/process.js", import.meta.url));

/** What ONNX Runtime says of a file, in one line. */
export class OnnxError extends Error {
  /** The package is not installed; the message says how to get it. */
  readonly missing: boolean;

  constructor(message: string, missing = false) {
    super(message);
    this.name = "OnnxError";
    this.missing = missing;
  }
}

export class OnnxSession {
  readonly #process: ChildProcess;
  readonly #waiting: ((answer: FromNetwork) => void)[] = [];
  #inputs: readonly Port[] = [];
  #outputs: readonly Port[] = [];

  private constructor() {
    this.#process = fork(processFile, [String(process.pid)], {
      // ONNX Runtime from 1.29 on tells Microsoft of its use unless it is told not to.
      env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
      // Those of who called us (--input-type, --inspect) are not for it.
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#process.on("message", (answer: FromNetwork) => this.#waiting.shift()?.(answer));
    const lost = () => this.#giveUp("the process that computes it ended; perhaps for lack of memory");
    this.#process.on("exit", lost);
    this.#process.on("error", lost);
  }

  /** @throws OnnxError if ONNX Runtime is not installed or does not know the file */
  static async open(path: string, { threads }: { readonly threads: number }): Promise<OnnxSession> {
    const session = new OnnxSession();
    try {
      const opened = await session.#ask({ kind: "open", path, threads });
      if (opened.kind === "opened") [session.#inputs, session.#outputs] = [opened.inputs, opened.outputs];
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  get inputs(): readonly Port[] {
    return this.#inputs;
  }

  get outputs(): readonly Port[] {
    return this.#outputs;
  }

  /** @returns the output of that name, float32 @throws OnnxError */
  async run(feeds: readonly Feed[], output: string): Promise<{ data: Float32Array; shape: readonly number[] }> {
    const answer = await this.#ask({ kind: "run", feeds, output });
    return answer as Extract<FromNetwork, { kind: "result" }>;
  }

  /** Ends the process; what it is computing fails. */
  close(): void {
    this.#process.removeAllListeners("exit");
    if (this.#process.connected) this.#process.disconnect();
    // What it is computing would hold up the news for as long as that takes.
    this.#process.kill("SIGKILL");
    this.#giveUp("it was closed");
  }

  #giveUp(message: string): void {
    for (const tell of this.#waiting.splice(0)) tell({ kind: "failed", missing: false, message });
  }

  async #ask(question: ToNetwork): Promise<FromNetwork> {
    const answer = await new Promise<FromNetwork>((resolve) => {
      this.#waiting.push(resolve);
      if (this.#process.connected) this.#process.send(question);
      else resolve({ kind: "failed", missing: false, message: "the process that computes it has ended" });
    });
    if (answer.kind !== "failed") return answer;
    const mend = "the package onnxruntime-node is not installed: npm install onnxruntime-node";
    throw new OnnxError(answer.missing ? mend : answer.message, answer.missing);
  }
}
