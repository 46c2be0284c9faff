// An ONNX network in a process of its own, on the CPU.
import { fileURLToPath } from "node:url";
import { AskedProcess } from "../base/asked-process.ts";
import type { Feed, FromNetwork, Port, ToNetwork } from "./protocol.ts";

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

const failed = (message: string): FromNetwork => ({ kind: "failed", missing: false, message });

export class OnnxSession {
  readonly #process = new AskedProcess<ToNetwork, FromNetwork>(processFile, [], "computes it", failed);
  #inputs: readonly Port[] = [];
  #outputs: readonly Port[] = [];

  private constructor() {}

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
    this.#process.close("it was closed");
  }

  async #ask(question: ToNetwork): Promise<FromNetwork> {
    const answer = await this.#process.ask(question);
    if (answer.kind !== "failed") return answer;
    const mend = "the package onnxruntime-node is not installed: npm install onnxruntime-node";
    throw new OnnxError(answer.missing ? mend : answer.message, answer.missing);
  }
}
