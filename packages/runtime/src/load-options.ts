import type { ModelError } from "./errors.ts";
import type { RequestOptions } from "./fetch.ts";
import type { Part } from "./parts.ts";
import type { Backend } from "./platform.ts";

/** How far loading is. */
export interface LoadProgress {
  /** Reading files, making networks of them, comparing WebGPU, where it was asked for, with WASM. */
  readonly stage: "read" | "start" | "check";
  /** The file being read. */
  readonly file?: string;
  /** Bytes of all files so far, and in the end, ONNX Runtime's .wasm file among them; decompressed. */
  readonly loaded: number;
  readonly total: number;
}

export interface LoadOptions extends RequestOptions {
  /** What to load; default all the folder has. An editor without photos needs no encoder, a search by image no generator. */
  readonly parts?: readonly Part[];
  /**
   * In a page, "auto" (the default) computes in WASM at once; where that takes longer than a frame, WebGPU is fetched and
   * timed meanwhile, and takes over if it is faster and computes the same. An adapter that the processor computes is
   * used only by "webgpu", which fails rather than fall back. In Node it is "cpu".
   */
  readonly backend?: "auto" | Backend["name"];
  /**
   * Processor threads, at most as many as there are processors; default in Node what ONNX Runtime chooses, in a page up to
   * four. A page that is not cross-origin isolated has one. The first model decides for all that compute on one thread.
   */
  readonly threads?: number;
  /** Images computed at once; default what keeps one layer's activations below 64 MiB, at most 8. */
  readonly batch?: number;
  /**
   * In a page: the address of the folder with ONNX Runtime's .wasm files, as `pioneer-runtime copy-wasm` writes it; default
   * where a bundler put them, or beside its script.
   */
  readonly wasmPaths?: string;
  /**
   * In a page: decode photos and compute in a worker of this model's own, so that the page stays smooth. It ends with
   * `dispose`.
   */
  readonly worker?: boolean;
  /** Told if that worker ends by itself, as for want of memory; every call fails then. */
  readonly onEnd?: (error: ModelError) => void;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Stops loading. */
  readonly signal?: AbortSignal;
}
