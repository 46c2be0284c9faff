import type { RequestOptions } from "./fetch.ts";
import type { Part } from "./parts.ts";
import type { Backend } from "./platform.ts";

/** How far loading is. */
export interface LoadProgress {
  /** Reading files, making networks of them, comparing WebGPU with WASM. */
  readonly stage: "read" | "start" | "check";
  /** The file being read. */
  readonly file?: string;
  /** Bytes of all files so far, and in the end. */
  readonly loaded: number;
  readonly total: number;
}

export interface LoadOptions extends RequestOptions {
  /** What to load; default all the folder has. An editor without photos needs no encoder, a search by image no generator. */
  readonly parts?: readonly Part[];
  /**
   * In a page, "auto" (the default) is WebGPU where there is one and it computes what WASM does, else WASM; in Node the
   * CPU. "webgpu" fails rather than fall back.
   */
  readonly backend?: "auto" | Backend["name"];
  /** Processor threads; default what ONNX Runtime chooses. More than one in a page needs cross-origin isolation. */
  readonly threads?: number;
  /** Images computed at once; default what keeps one layer's activations below 64 MiB, at most 32. */
  readonly batch?: number;
  /** In a page: the address of the folder with ONNX Runtime's .wasm files; default beside its script. */
  readonly wasmPaths?: string;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Stops loading. */
  readonly signal?: AbortSignal;
}
