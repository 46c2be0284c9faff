import type { RequestOptions } from "./fetch.ts";
import type { graphPorts } from "./folder.ts";
import type { FileType } from "./forms.ts";
import type { OutputBitmap, OutputImage } from "./pixels.ts";
import type { Encoding, RgbPixels } from "./resize.ts";

// What differs between Node and a page, behind one interface.

/** Which processor computes, and why this one. */
export interface Backend {
  /** "cpu" is onnxruntime-node; "webgpu" and "wasm" are onnxruntime-web. */
  readonly name: "cpu" | "webgpu" | "wasm";
  /** One sentence for people. */
  readonly reason: string;
}

/** A network that is ready: one input, one output. */
export interface Session {
  /**
   * Calls wait for each other; one that fails does not hold up the next.
   * @param shape of the input
   */
  run(input: Float32Array, shape: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
  /** Frees it when the calls before have ended. */
  release(): Promise<void>;
}

/** The bytes of each graph that is wanted. */
export type Graphs = { readonly [part in keyof typeof graphPorts]?: Uint8Array };
export type Sessions = { readonly [part in keyof Graphs]?: Session };

export interface StartOptions {
  /** Of the model, for a trial. */
  readonly latent: number;
  readonly resolution: number;
  readonly backend: "auto" | Backend["name"];
  readonly threads: number | undefined;
  /** Where the page finds ONNX Runtime's wasm files. */
  readonly wasmPaths: string | undefined;
  /** Called before WebGPU is compared with WASM. */
  readonly onCheck: () => void;
  readonly signal: AbortSignal | undefined;
}

export interface ReadOptions {
  /** Not from the browser's cache. */
  readonly fresh: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onBytes: (loaded: number) => void;
  /** Of an address. */
  readonly request: RequestOptions;
}

export interface Platform {
  /** @returns undefined if there is no such file */
  read(folder: string | URL, file: string, options: ReadOptions): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** A photo's file. @param place a path (Node) or an address @throws ModelError IMAGE */
  readPhoto(place: string | URL, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>>;
  /** Pixels of a file's bytes, a Blob or (in a page) anything that can be drawn; upright, on white. */
  decode(image: unknown): Promise<{ readonly pixels: RgbPixels; readonly encoding: Encoding }>;
  toImage(rgba: Uint8ClampedArray<ArrayBuffer>, side: number): OutputImage;
  toBitmap(rgba: Uint8ClampedArray<ArrayBuffer>, side: number): Promise<OutputBitmap>;
  /** A file. @param quality of JPEG and WebP, 0 to 1 */
  toBlob(rgba: Uint8ClampedArray<ArrayBuffer>, side: number, type: FileType, quality: number): Promise<Blob>;
  start(graphs: Graphs, options: StartOptions): Promise<{ readonly sessions: Sessions; readonly backend: Backend }>;
}
