import { compare } from "../compare.ts";
import { firstLine, ModelError } from "../errors.ts";
import { faster } from "../faster.ts";
import type { Backend, Engine, EngineOptions, Graphs, OnBytes, Sessions, Started, StartOptions } from "../platform.ts";
import { releaseAll } from "../sessions.ts";
import { Switch } from "../switch.ts";
import { type OrtOptions, ortBuilds, type Scripts } from "./ort.ts";

export interface PageEngineOptions extends EngineOptions {
  /** Where ONNX Runtime's scripts are, for workers. */
  readonly scripts?: Scripts;
}

/**
 * ONNX Runtime in a page or a worker. With "auto" WASM computes at once; where it is too slow for a slider, WebGPU is
 * fetched and timed meanwhile, and takes over if it computes the same in less time.
 */
export function pageEngine(options: PageEngineOptions, onBytes: OnBytes): Engine {
  const wanted = options.backend;
  if (wanted === "cpu") {
    throw new ModelError("OPTION", 'backend: "cpu" is for Node; in a page it is "webgpu", "wasm" or "auto"');
  }
  if (!options.computes) {
    return {
      fetched: Promise.resolve(),
      start: async () => started({}, { name: "wasm", reason: "nothing to compute" }),
    };
  }
  if (wanted === "webgpu") {
    return {
      fetched: webGpuOrThrow().then(() => ortBuilds.webgpu.fetch(options, onBytes)),
      start: (graphs, model) => startWebGpu(graphs, options, model),
    };
  }
  return {
    fetched: ortBuilds.wasm.fetch(options, onBytes),
    start: (graphs, model) => startWasm(graphs, options, model),
  };
}

function started(sessions: Sessions, backend: Backend): Started {
  return { sessions, backend: () => backend, settled: Promise.resolve() };
}

async function webGpuOrThrow(): Promise<void> {
  const refusal = await whyNoWebGpu("webgpu");
  if (refusal !== undefined) throw new ModelError("BACKEND", `WebGPU cannot be used: ${refusal}`);
}

/** WebGPU because it was asked for: it must compute what the same build computes without it. */
async function startWebGpu(graphs: Graphs, options: OrtOptions, model: StartOptions): Promise<Started> {
  let sessions: Sessions = {};
  let fault: string | undefined;
  try {
    sessions = await ortBuilds.webgpu.open(graphs, options, model);
    model.onCheck();
    const wasm = await ortBuilds.webgpu.open(graphs, options, model, "wasm");
    fault = await compare(sessions, wasm, model).finally(() => releaseAll(wasm));
  } catch (error) {
    options.signal?.throwIfAborted();
    fault = firstLine(error);
  }
  if (fault === undefined) return started(sessions, { name: "webgpu", reason: "it was asked for" });
  await releaseAll(sessions);
  throw new ModelError("BACKEND", `WebGPU cannot be used: ${fault}`);
}

async function startWasm(graphs: Graphs, options: PageEngineOptions, model: StartOptions): Promise<Started> {
  const wasm = await ortBuilds.wasm.open(graphs, options, model);
  const threads = ortBuilds.wasm.threads ?? 1;
  const asked = options.threads ?? 1;
  const fewer = threads < asked ? `; ${threads} of ${asked} threads, ${whyFewer()}` : "";
  const backend = (reason: string): Backend => ({ name: "wasm", reason: `${reason}${fewer}`, threads });
  if (options.backend === "wasm") return started(wasm, backend("it was asked for"));
  const refusal = await whyNoWebGpu("auto");
  if (refusal !== undefined) return started(wasm, backend(refusal));
  const networks = new Switch(wasm, backend("WebGPU was not tried yet"));
  // It takes the threads that there are.
  const webgpu = () =>
    ortBuilds.webgpu.open(graphs, { ...options, threads: undefined, signal: networks.signal }, model);
  const settled = faster(wasm, webgpu, model, networks.signal).then(
    ({ sessions, reason, milliseconds }) => {
      if (sessions) networks.replace(sessions, { name: "webgpu", reason, milliseconds });
      else networks.keep({ ...backend(reason), ...(milliseconds && { milliseconds }) });
    },
    (error: unknown) => networks.keep(backend(`WebGPU cannot be used: ${firstLine(error)}`)),
  );
  return { sessions: networks.sessions, backend: () => networks.backend, settled };
}

const whyFewer = () =>
  globalThis.crossOriginIsolated ? "as many as there are processors" : "as the page is not cross-origin isolated";

interface Adapter {
  readonly info?: { readonly isFallbackAdapter?: boolean };
  readonly isFallbackAdapter?: boolean;
}

/** @param wanted an adapter that the processor computes for is used only if WebGPU was asked for */
async function whyNoWebGpu(wanted: "auto" | "webgpu"): Promise<string | undefined> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (!gpu) {
    return globalThis.isSecureContext
      ? "this browser has no WebGPU"
      : "browsers give WebGPU only to pages from https or localhost";
  }
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (!adapter) return "this browser found no graphics processor for WebGPU";
  const isFallback = adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false;
  return isFallback && wanted === "auto" ? "this browser's WebGPU is computed by the processor" : undefined;
}
