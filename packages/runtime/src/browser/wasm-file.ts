import { ModelError } from "../errors.ts";
import { below, readAddress, withoutQuery } from "../fetch.ts";
import { addressOf } from "./address.ts";

// ONNX Runtime's .wasm files. They are fetched here rather than by ONNX Runtime, which tells nothing meanwhile, and of
// which a fetch that failed once takes no second.

/** ONNX Runtime's builds for pages. */
export type Build = "wasm" | "webgpu";

interface WasmFile {
  readonly name: string;
  /** Of onnxruntime-web 1.30.0, for progress until the file is there. */
  readonly bytes: number;
  /** Where a bundler put it: bundlers that know this expression copy the file into the page they build. */
  readonly bundled: () => URL;
  /** Where an import map says its script is, beside which it lies; undefined without one. */
  readonly mapped: () => string | undefined;
}

// Taken out, not called in place: webpack would look for the script itself, under conditions that it does not have.
const { resolve } = import.meta as { readonly resolve: (this: void, name: string) => string };

export const wasmFiles: Readonly<Record<Build, WasmFile>> = {
  wasm: {
    name: "ort-wasm-simd-threaded.wasm",
    bytes: 14_239_897,
    bundled: () => new URL("onnxruntime-web/ort-wasm-simd-threaded.wasm", import.meta.url),
    mapped: () => resolve("onnxruntime-web/wasm"),
  },
  webgpu: {
    name: "ort-wasm-simd-threaded.asyncify.wasm",
    bytes: 26_781_914,
    bundled: () => new URL("onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm", import.meta.url),
    mapped: () => resolve("onnxruntime-web/webgpu"),
  },
};

/** The address of a build's script by the page's import map; undefined where there is none, as in a bundled page. */
export function scriptAddress(build: Build): string | undefined {
  try {
    // Workers have import.meta.resolve too, and no import map.
    return wasmFiles[build].mapped();
  } catch {
    return undefined;
  }
}

/**
 * A build's .wasm file.
 * @param folder  `wasmPaths`: the folder that has it, compressed (.wasm.gz, as `pioneer-runtime copy-wasm` writes it) or not
 * @param script  the address of its script, beside which it lies
 * @param onBytes how much of it is there, decompressed
 * @returns undefined where it is not known where the file is: ONNX Runtime may know
 * @throws ModelError MISSING if it cannot be fetched; calling again tries again
 */
export async function fetchWasm(
  build: Build,
  { folder, script }: { readonly folder: string | undefined; readonly script: string | undefined },
  onBytes: (loaded: number) => void,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { name, bundled } = wasmFiles[build];
  const read = async (address: string) => {
    const bytes = await readAddress(address, { fresh: false, signal, onBytes, request: {} });
    return bytes && isWasm(bytes) ? bytes : undefined;
  };
  if (folder === undefined) return read((script === undefined ? bundled() : new URL(name, script)).href);
  const base = addressOf(folder);
  const compressed = "DecompressionStream" in globalThis ? below(base, `${name}.gz`) : undefined;
  const bytes = (compressed && (await read(compressed))) ?? (await read(below(base, name)));
  if (bytes) return bytes;
  throw new ModelError(
    "MISSING",
    `${withoutQuery(below(base, ""))} has neither ${name}.gz nor ${name}: npx pioneer-runtime copy-wasm DIR writes them, and wasmPaths says where DIR is`,
  );
}

/** Servers of pages answer with a page where they have no file. */
const isWasm = (bytes: Uint8Array): boolean => String.fromCharCode(...bytes.subarray(0, 4)) === "\0asm";
