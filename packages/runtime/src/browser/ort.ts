import type * as Web from "onnxruntime-web";
import { openGraphs, openNetwork } from "../engine.ts";
import { firstLine, ModelError } from "../errors.ts";
import type { EngineOptions, Graphs, OnBytes, Session, Sessions, StartOptions } from "../platform.ts";
import { Queue, untilAborted } from "../queue.ts";
import { importProblem, wasmMend } from "./mends.ts";
import { threadsHere } from "./threads.ts";
import { type Build, fetchWasm, scriptAddress, wasmFiles } from "./wasm-file.ts";

type Ort = typeof Web;

/** Scripts of ONNX Runtime by address: a page tells them to its workers, which no import map reaches. */
export type Scripts = Readonly<Partial<Record<Build, string>>>;

export interface OrtOptions extends Pick<EngineOptions, "threads" | "wasmPaths" | "signal"> {
  readonly scripts?: Scripts;
}

type ModelSize = Pick<StartOptions, "latent" | "resolution">;

/** One of ONNX Runtime's builds in this page or worker, which is loaded once. */
class OrtBuild {
  /** It computes one thing at a time, whichever model it is for. */
  readonly #queue = new Queue();
  readonly #build: Build;
  #fetching: Promise<Ort> | undefined;
  #listeners = new Set<(loaded: number, total: number) => void>();
  /** Of the first model whose networks are opened: it cannot change afterwards. */
  #threads: number | undefined;
  #runs = false;

  constructor(build: Build) {
    this.#build = build;
  }

  /**
   * Fetches its script and its .wasm file, once for all models; what failed is tried again by the next.
   * @throws ModelError INSTALL, MISSING, OPTION
   */
  async fetch(options: OrtOptions, onBytes?: OnBytes): Promise<void> {
    this.#threadsFor(options);
    if (this.#runs) return;
    const { name, bytes } = wasmFiles[this.#build];
    const listener = (loaded: number, total: number) => onBytes?.(name, loaded, total);
    listener(0, bytes);
    this.#listeners.add(listener);
    const isMine = this.#fetching === undefined;
    this.#fetching ??= this.#fetch(options).catch((error: unknown) => {
      this.#fetching = undefined;
      throw error;
    });
    try {
      await (options.signal ? untilAborted(this.#fetching, options.signal) : this.#fetching);
    } catch (error) {
      options.signal?.throwIfAborted();
      // Whoever began it may have stopped it.
      if (isMine) throw error;
      await this.fetch(options, onBytes);
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** Networks of graphs. @throws ModelError */
  open(graphs: Graphs, options: OrtOptions, model: ModelSize, provider = this.#build): Promise<Sessions> {
    const session = { executionProviders: [provider], logSeverityLevel: 3 } as const;
    const sized = { ...model, signal: options.signal };
    return this.#start(options, (ort) => openGraphs(ort, graphs, session, () => this.#queue, sized));
  }

  /** A network with the input x and the output y, in WASM. @throws ModelError */
  openNetwork(graph: Uint8Array, options: OrtOptions): Promise<Session> {
    const session = { executionProviders: ["wasm"], logSeverityLevel: 3 } as const;
    return this.#start(options, (ort) => openNetwork(ort, graph, session, this.#queue));
  }

  async #start<T>(options: OrtOptions, start: (ort: Ort) => Promise<T>): Promise<T> {
    await this.fetch(options);
    const ort = (await this.#fetching) as Ort;
    this.#threads = this.#threadsFor(options);
    ort.env.wasm.numThreads = this.#threads;
    try {
      const started = await start(ort);
      this.#runs = true;
      // ONNX Runtime has made its own of it.
      delete ort.env.wasm.wasmBinary;
      return started;
    } catch (error) {
      if (!this.#runs) this.#threads = undefined;
      if (!(error instanceof ModelError) || !/no available backend|wasm/i.test(error.message)) throw error;
      throw new ModelError(error.code, `${error.message}; ${wasmMend(error.message)}`, { cause: error });
    }
  }

  /** How many threads it computes with; undefined until it does. */
  get threads(): number | undefined {
    return this.#threads;
  }

  /** How many threads it computes with. @throws ModelError OPTION if other models compute with another number */
  #threadsFor({ threads }: OrtOptions): number {
    const here = threadsHere(threads);
    if (this.#threads === undefined) return here;
    if (threads === undefined || here === this.#threads) return this.#threads;
    throw new ModelError(
      "OPTION",
      `threads: ${threads} cannot be had, a model before computes with ${this.#threads} here: load this one with worker: true, or leave threads out`,
    );
  }

  async #fetch({ wasmPaths, scripts, signal }: OrtOptions): Promise<Ort> {
    const script = scripts?.[this.#build] ?? scriptAddress(this.#build);
    const tell = (loaded: number, total: number) => {
      for (const listener of this.#listeners) listener(loaded, total);
    };
    const estimate = wasmFiles[this.#build].bytes;
    const [ort, wasm] = await Promise.all([
      importOrt(this.#build, scripts?.[this.#build]),
      fetchWasm(this.#build, { folder: wasmPaths, script }, (loaded) => tell(loaded, estimate), signal),
    ]);
    ort.env.logLevel = "error";
    if (wasm) {
      ort.env.wasm.wasmBinary = wasm;
      tell(wasm.length, wasm.length);
    }
    return ort;
  }
}

/** Those of this page or worker. */
export const ortBuilds: Readonly<Record<Build, OrtBuild>> = {
  wasm: new OrtBuild("wasm"),
  webgpu: new OrtBuild("webgpu"),
};

export const scriptsHere = (): Scripts => {
  const [wasm, webgpu] = [scriptAddress("wasm"), scriptAddress("webgpu")];
  return { ...(wasm && { wasm }), ...(webgpu && { webgpu }) };
};

async function importOrt(build: Build, address: string | undefined): Promise<Ort> {
  try {
    if (address !== undefined) return (await import(/* @vite-ignore */ /* webpackIgnore: true */ address)) as Ort;
    return (await (build === "wasm" ? import("onnxruntime-web/wasm") : import("onnxruntime-web/webgpu"))) as Ort;
  } catch (error) {
    throw new ModelError("INSTALL", `${importProblem()} (${firstLine(error)})`, { cause: error });
  }
}
