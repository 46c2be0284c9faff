import type * as Web from "onnxruntime-web";
import { compare } from "../compare.ts";
import { openGraphs } from "../engine.ts";
import { firstLine, ModelError } from "../errors.ts";
import type { Backend, Graphs, Sessions, StartOptions } from "../platform.ts";
import { Queue } from "../queue.ts";

type Ort = typeof Web;

/** ONNX Runtime in a page computes one thing at a time, whichever model it is for. */
const queue = new Queue();

/** Starts the graphs on WebGPU where that computes what WASM does, else in WASM. */
export async function startInPage(
  graphs: Graphs,
  options: StartOptions,
): Promise<{ sessions: Sessions; backend: Backend }> {
  const wanted = options.backend;
  if (wanted === "cpu")
    throw new ModelError("OPTION", 'backend: "cpu" is for Node; in a page it is "webgpu", "wasm" or "auto"');
  // Nothing to compute (only directions were asked for) needs no engine.
  if (Object.keys(graphs).length === 0)
    return { sessions: {}, backend: { name: "wasm", reason: "nothing to compute" } };
  const refusal = wanted === "wasm" ? "it was asked for" : await whyNoWebGpu();
  if (refusal !== undefined) {
    if (wanted === "webgpu") throw new ModelError("BACKEND", `WebGPU cannot be used: ${refusal}`);
    const ort = await importOrt("wasm", options);
    return { sessions: await open(ort, "wasm", graphs, options), backend: { name: "wasm", reason: refusal } };
  }
  const ort = await importOrt("webgpu", options);
  const { sessions, fault } = await tryWebGpu(ort, graphs, options);
  if (sessions) {
    return { sessions, backend: { name: "webgpu", reason: "WebGPU computes what WASM does, to rounding" } };
  }
  if (wanted === "webgpu") throw new ModelError("BACKEND", `WebGPU cannot be used: ${fault}`);
  return { sessions: await open(ort, "wasm", graphs, options), backend: { name: "wasm", reason: fault } };
}

async function whyNoWebGpu(): Promise<string | undefined> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<object | null> } };
  if (!gpu) {
    return globalThis.isSecureContext
      ? "this browser has no WebGPU"
      : "browsers give WebGPU only to pages from https or localhost";
  }
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter ? undefined : "this browser found no graphics processor for WebGPU";
}

async function tryWebGpu(
  ort: Ort,
  graphs: Graphs,
  options: StartOptions,
): Promise<{ sessions: Sessions; fault?: never } | { sessions?: never; fault: string }> {
  let sessions: Sessions = {};
  try {
    sessions = await open(ort, "webgpu", graphs, options);
    options.onCheck();
    const wasm = await open(ort, "wasm", graphs, options);
    try {
      const fault = await compare(sessions, wasm, options);
      if (fault === undefined) return { sessions };
      await release(sessions);
      return { fault };
    } finally {
      await release(wasm);
    }
  } catch (error) {
    await release(sessions);
    options.signal?.throwIfAborted();
    return { fault: `WebGPU failed: ${firstLine(error)}` };
  }
}

/** Which of ONNX Runtime's builds, and the wasm file it needs. */
const builds = {
  wasm: { load: () => import("onnxruntime-web/wasm"), file: "ort-wasm-simd-threaded.wasm" },
  webgpu: { load: () => import("onnxruntime-web/webgpu"), file: "ort-wasm-simd-threaded.asyncify.wasm" },
} as const;

async function importOrt(build: keyof typeof builds, { threads, wasmPaths }: StartOptions): Promise<Ort> {
  const { load, file } = builds[build];
  let ort: Ort;
  try {
    ort = (await load()) as Ort;
  } catch (error) {
    const mend = "npm install onnxruntime-web, and name it in the import map of a page without a bundler";
    throw new ModelError("INSTALL", `the package onnxruntime-web is not there: ${mend} (${firstLine(error)})`, {
      cause: error,
    });
  }
  ort.env.logLevel = "error";
  if (threads !== undefined) ort.env.wasm.numThreads = threads;
  if (wasmPaths !== undefined) {
    const folder = new URL(`${wasmPaths.replace(/\/+$/, "")}/`, globalThis.location.href);
    ort.env.wasm.wasmPaths = { wasm: new URL(file, folder).href };
  }
  return ort;
}

async function open(ort: Ort, provider: "webgpu" | "wasm", graphs: Graphs, model: StartOptions): Promise<Sessions> {
  try {
    const options = { executionProviders: [provider], logSeverityLevel: 3 } as const;
    return await openGraphs(ort, graphs, options, () => queue, model);
  } catch (error) {
    if (!(error instanceof ModelError) || !/no available backend|wasm/i.test(error.message)) throw error;
    const mend = "does the server have ONNX Runtime's .wasm files beside its script, or where wasmPaths says?";
    throw new ModelError(error.code, `${error.message}; ${mend}`, { cause: error });
  }
}

const release = (sessions: Sessions) => Promise.all(Object.values(sessions).map((session) => session.release()));
