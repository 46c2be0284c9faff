import type * as Web from "onnxruntime-web";
import { openGraphs } from "../engine.ts";
import { firstLine, ModelError } from "../errors.ts";
import { sampleLatents } from "../latent.ts";
import type { Backend, Graphs, Sessions, StartOptions } from "../platform.ts";
import { Queue } from "../queue.ts";
import { Rng } from "../rng.ts";

type Ort = typeof Web;

/** ONNX Runtime in a page computes one thing at a time, whichever model it is for. */
const queue = new Queue();

/**
 * Between WebGPU and WASM: pixel values in [-1, 1] may differ by this, 2.5 of 255, and the cosine of latents from 1.
 * Faulty drivers are wrong by far more (onnxruntime issues 18311, 24070).
 */
const imageTolerance = 0.02;
const cosineTolerance = 1e-3;

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
    const ort = await importOrt(() => import("onnxruntime-web/wasm"), options);
    return { sessions: await open(ort, "wasm", graphs, options), backend: { name: "wasm", reason: refusal } };
  }
  const ort = await importOrt(() => import("onnxruntime-web/webgpu"), options);
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

/** In words how the two differ on two latents and their images; undefined where they do not. */
async function compare(
  gpu: Sessions,
  wasm: Sessions,
  { latent, resolution, signal }: StartOptions,
): Promise<string | undefined> {
  const both = async (part: keyof Sessions, input: Float32Array, shape: readonly number[]) => [
    await gpu[part]?.run(input, shape, signal),
    await wasm[part]?.run(input, shape, signal),
  ];
  const [images, expected] = await both("generator", sampleLatents(2, latent, 0), [2, latent]);
  if (images && expected) {
    const worst = images.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
    if (!(worst <= imageTolerance)) return `WebGPU's images differ from WASM's by up to ${worst.toPrecision(2)}`;
  }
  const shape = [2, 3, resolution, resolution];
  const [codes, right] = await both("encoder", expected ?? noise(6 * resolution ** 2), shape);
  if (codes && right) {
    const cosine = codes.reduce((sum, value, i) => sum + value * (right[i] as number), 0) / 2;
    if (!(1 - cosine <= cosineTolerance))
      return `WebGPU's latents differ from WASM's (mean cosine ${cosine.toFixed(4)})`;
  }
  return undefined;
}

/** Where there is no generator to make pictures: numbers in [-1, 1]. */
function noise(length: number): Float32Array {
  const rng = new Rng(0);
  return Float32Array.from({ length }, () => 2 * rng.uniform() - 1);
}

async function importOrt(load: () => Promise<unknown>, { threads, wasmPaths }: StartOptions): Promise<Ort> {
  let ort: Ort;
  try {
    ort = (await load()) as Ort;
  } catch (error) {
    throw new ModelError(
      "INSTALL",
      `a page needs the package onnxruntime-web: npm install onnxruntime-web (${firstLine(error)})`,
      {
        cause: error,
      },
    );
  }
  ort.env.logLevel = "error";
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = `${wasmPaths.replace(/\/+$/, "")}/`;
  if (threads !== undefined) ort.env.wasm.numThreads = threads;
  return ort;
}

const open = (ort: Ort, provider: "webgpu" | "wasm", graphs: Graphs, { signal }: StartOptions) =>
  openGraphs(ort, graphs, { executionProviders: [provider], logSeverityLevel: 3 }, () => queue, signal);

const release = (sessions: Sessions) => Promise.all(Object.values(sessions).map((session) => session.release()));
