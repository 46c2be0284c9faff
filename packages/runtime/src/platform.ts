import type { FacePoints } from "./align.ts";
import type { ReadOptions } from "./fetch.ts";
import type { graphPorts } from "./folder.ts";
import type { SeenAs } from "./model.ts";
import type { FileType, OutputBitmap, OutputImage, Photo } from "./pixels.ts";
import type { Encoding, Excerpt, RgbPixels, Size } from "./resize.ts";

// What differs between Node and a page, behind one interface.

/** Which processor computes, and why this one. */
export interface Backend {
  /** "cpu" is onnxruntime-node; "webgpu" and "wasm" are onnxruntime-web. */
  readonly name: "cpu" | "webgpu" | "wasm";
  /** One sentence for people. */
  readonly reason: string;
  /** Processor threads it computes with; undefined where ONNX Runtime chose. */
  readonly threads?: number;
  /** Milliseconds for one picture, of the engines that were timed. */
  readonly milliseconds?: Milliseconds;
}

export interface Milliseconds {
  readonly wasm: number;
  /** Absent where WebGPU was not tried, or failed. */
  readonly webgpu?: number;
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

export interface EngineOptions {
  readonly backend: "auto" | Backend["name"];
  readonly threads: number | undefined;
  /** Where the page finds ONNX Runtime's wasm files. */
  readonly wasmPaths: string | undefined;
  /** Whether there is anything to compute: directions alone need no engine. */
  readonly computes: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface StartOptions {
  /** Of the model, for a trial. */
  readonly latent: number;
  readonly resolution: number;
  /** Called before WebGPU, which was asked for, is compared with WASM. */
  readonly onCheck: () => void;
  readonly signal: AbortSignal | undefined;
}

/** Told how much of a file is there, and how long it is, as far as that is known. */
export type OnBytes = (file: string, loaded: number, total: number) => void;

/** An engine whose own files are on their way. */
export interface Engine {
  /** Ends when what it fetches is there; fails as loading fails. */
  readonly fetched: Promise<void>;
  start(graphs: Graphs, options: StartOptions): Promise<Started>;
}

export interface Started {
  readonly sessions: Sessions;
  /** What computes now. */
  backend(): Backend;
  /** Ends when it is sure what goes on computing; never fails. */
  readonly settled: Promise<void>;
}

export type ExcerptOf = (size: Size, encoding: Encoding) => Excerpt;

export interface Decoded {
  readonly pixels: RgbPixels;
  readonly encoding: Encoding;
  /** What was read; the whole photo where it is not said. */
  readonly excerpt?: Excerpt;
}

export interface Platform {
  /** @returns undefined if there is no such file */
  read(folder: string | URL, file: string, options: ReadOptions): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** A photo's file. @param place a path (Node) or an address @throws ModelError IMAGE */
  readPhoto(place: string | URL, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Pixels of a file's bytes, a Blob or (in a page) anything that can be drawn; upright, on white.
   * @param excerptOf what of them is needed, asked once the size is known; pages read no more
   */
  decode(image: unknown, excerptOf: ExcerptOf): Promise<Decoded>;
  /** `squareOf` on another thread; without it here. */
  readonly square?: (
    photo: Photo,
    face: FacePoints | undefined,
    shape: SeenAs,
    signal: AbortSignal | undefined,
  ) => Promise<Uint8Array>;
  toImage(rgba: Uint8ClampedArray<ArrayBuffer>, side: number): OutputImage;
  toBitmap(rgba: Uint8ClampedArray<ArrayBuffer>, side: number): Promise<OutputBitmap>;
  /** A file. @param quality of JPEG and WebP, 0 to 1 */
  toBlob(rgba: Uint8ClampedArray<ArrayBuffer>, side: number, type: FileType, quality: number): Promise<Blob>;
  /** Begins to fetch what computes. */
  engine(options: EngineOptions, onBytes: OnBytes): Engine;
  /** Ends what a model has for itself, once it is disposed of or could not be loaded. */
  readonly close?: () => void;
}
