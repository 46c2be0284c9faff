import { checkOptions } from "./check-options.ts";
import { ModelError } from "./errors.ts";
import { withoutQuery } from "./fetch.ts";
import { type DirectionsFile, directionsFile, type ModelConfig, modelConfig, modelFormat } from "./folder.ts";
import type { LoadOptions } from "./load-options.ts";
import { modelParts, type Part, partFiles } from "./parts.ts";
import { PioneerModel } from "./pioneer.ts";
import type { Backend, Platform } from "./platform.ts";
import { Progress } from "./progress.ts";
import { kindOf } from "./realm.ts";

/** Activations of one layer that may be in memory at once; several layers' are. */
const layerBytes = 64 * 2 ** 20;
/** Beyond it nothing gets faster, and in Node nothing else runs while one is computed. */
const largestBatch = 8;

/**
 * Reads a model folder, checks it against its config.json and starts its networks.
 * @param folder a path (Node) or the address of a folder
 * @throws ModelError in one line; the signal's reason if it is aborted
 */
export async function load(platform: Platform, folder: string | URL, options: LoadOptions = {}): Promise<PioneerModel> {
  checkOptions("Pioneer.load", options, Object.keys(known));
  if (typeof folder !== "string" && kindOf(folder) !== "URL") {
    throw new ModelError("OPTION", `Pioneer.load: expected the path or address of a model, got ${kindOf(folder)}`);
  }
  checkLoadOptions(options);
  // What one of several downloads fails of ends the others.
  const failing = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failing.signal]) : failing.signal;
  const where = withoutQuery(folder).replace(/\/+$/, "") || JSON.stringify(String(folder));
  const read: ReadFile = async (file, fresh, onBytes) => {
    signal.throwIfAborted();
    const bytes = await platform.read(folder, file, { fresh, signal, onBytes, request: options });
    if (bytes) return bytes;
    if (file === "config.json") {
      const isFile = /\.(json|onnx)$/.test(where);
      const mend = isFile ? "give the folder that this file lies in" : "pioneer export writes one";
      throw new ModelError("MISSING", `${where} is no model folder: it has no config.json; ${mend}`);
    }
    throw new ModelError(
      "MISSING",
      `${where}/${file} is missing: copy the whole model folder, or leave it out of parts`,
    );
  };
  try {
    const config = readConfig(await read("config.json", true, () => undefined), `${where}/config.json`);
    return await loadParts(platform, config, { read, where, signal }, options);
  } catch (error) {
    failing.abort(error);
    throw error;
  }
}

/** A file of the folder, whole. @param fresh not from a cache */
type ReadFile = (file: string, fresh: boolean, onBytes: (loaded: number) => void) => Promise<Uint8Array<ArrayBuffer>>;

interface Folder {
  readonly read: ReadFile;
  /** As messages name it. */
  readonly where: string;
  readonly signal: AbortSignal;
}

/** Reads the parts of a model, and what computes them, side by side. */
async function loadParts(
  platform: Platform,
  config: ModelConfig,
  folder: Folder,
  options: LoadOptions,
): Promise<PioneerModel> {
  const { where, signal } = folder;
  const { backend = "auto", threads, wasmPaths } = options;
  const parts = partsToLoad(config, options.parts, where);
  const progress = new Progress(options.onProgress);
  for (const part of parts) progress.read(partFiles[part], 0, config.files[partFiles[part]]?.bytes ?? 0);
  const computes = parts.some((part) => part !== "directions");
  const engine = platform.engine({ backend, threads, wasmPaths, computes, signal }, (...file) =>
    progress.read(...file),
  );
  const contents: Partial<Record<Part, Uint8Array<ArrayBuffer>>> = {};
  const readPart = async (part: Part) => {
    contents[part] = await readChecked(part, config, folder, progress);
  };
  await Promise.all([...parts.map(readPart), engine.fetched]);

  const { directions, ...graphs } = contents;
  const learned = directions && readDirections(directions, config, `${where}/${partFiles.directions}`);
  const { latent, resolution } = config;
  progress.stage("start");
  const onCheck = () => progress.stage("check");
  return new PioneerModel({
    platform,
    config,
    started: await engine.start(graphs, { latent, resolution, onCheck, signal }),
    directions: learned,
    batch: options.batch ?? batchFor(config),
    integrity: subtle() ? integrityChecked : integrityUnchecked,
  });
}

/** A file that is what config.json says. */
async function readChecked(
  part: Part,
  config: ModelConfig,
  { read, where }: Folder,
  progress: Progress,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = partFiles[part];
  const tell = (loaded: number) => progress.read(file, loaded, config.files[file]?.bytes ?? 0);
  let bytes = await read(file, false, tell);
  let wrong = await difference(bytes, config, file);
  if (wrong !== undefined) {
    // A cache may still hold the file of the model that was at this address before.
    bytes = await read(file, true, tell);
    wrong = await difference(bytes, config, file);
  }
  if (wrong === undefined) return bytes;
  const mend = part === "directions" ? ", or learn the directions again" : ", or export it again";
  throw new ModelError("DAMAGED", `${where}/${file} ${wrong}: copy the model folder again${mend}`);
}

const integrityChecked = "sizes and SHA-256 of its files are those of config.json";
const integrityUnchecked =
  "only the sizes of its files were checked: this page is neither https nor localhost, so the browser gives it no SHA-256";

/** Web Crypto's, undefined in an insecure page; its type says it is always there. */
const subtle = () => globalThis.crypto?.subtle as SubtleCrypto | undefined;

/** All there are; tsc asks for those that are added. */
const known: Readonly<Record<keyof LoadOptions, true>> = {
  parts: true,
  backend: true,
  threads: true,
  batch: true,
  wasmPaths: true,
  worker: true,
  onEnd: true,
  headers: true,
  fetch: true,
  onProgress: true,
  signal: true,
};

function checkLoadOptions({ parts, backend, threads, batch, wasmPaths, ...told }: LoadOptions): void {
  if (parts !== undefined && !Array.isArray(parts)) {
    const got = typeof parts === "string" ? JSON.stringify(parts) : kindOf(parts);
    throw new ModelError("OPTION", `parts: expected a list, such as ["generator"], got ${got}`);
  }
  for (const name of ["onProgress", "onEnd", "fetch"] as const) {
    if (told[name] !== undefined && typeof told[name] !== "function") {
      throw new ModelError("OPTION", `${name}: expected a function, got ${kindOf(told[name])}`);
    }
  }
  if (wasmPaths !== undefined && typeof wasmPaths !== "string") {
    throw new ModelError("OPTION", `wasmPaths: expected the address of a folder as text, got ${kindOf(wasmPaths)}`);
  }
  const unknown = parts?.find((part) => !modelParts.includes(part));
  if (unknown !== undefined) {
    throw new ModelError("OPTION", `parts: there is no "${unknown}", only ${modelParts.join(", ")}`);
  }
  const backends: readonly (Backend["name"] | "auto")[] = ["auto", "cpu", "webgpu", "wasm"];
  if (backend !== undefined && !backends.includes(backend)) {
    throw new ModelError("OPTION", `backend: there is no "${backend}", only ${backends.join(", ")}`);
  }
  for (const [name, value] of Object.entries({ threads, batch })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new ModelError("OPTION", `${name}: expected a whole number of at least 1, got ${value}`);
    }
  }
}

/** Those asked for, or all there are: a model of the recipe gan has no encoder. */
function partsToLoad(config: ModelConfig, wanted: readonly Part[] | undefined, where: string): readonly Part[] {
  const there = modelParts.filter((part) => partFiles[part] in config.files);
  const absent = wanted?.find((part) => !there.includes(part));
  if (absent !== undefined) {
    const why = config.recipe === "gan" && absent === "encoder" ? " (models of the recipe gan have none)" : "";
    throw new ModelError("PART", `${where} has no ${absent}${why}; it has ${there.join(", ")}`);
  }
  return modelParts.filter((part) => (wanted ?? there).includes(part));
}

function readConfig(bytes: Uint8Array, path: string): ModelConfig {
  const json = readJson(bytes, path);
  checkFormat(json, path);
  if (typeof json === "object" && json !== null && "kimgPerPhase" in json) {
    throw new ModelError(
      "DAMAGED",
      `${path} is that of a training run: make a model of it by pioneer export --run RUN`,
    );
  }
  const parsed = modelConfig.safeParse(json);
  if (!parsed.success) throw new ModelError("DAMAGED", `${path}: ${issue(parsed.error)}; export the model again`);
  return parsed.data;
}

function readDirections(bytes: Uint8Array, config: ModelConfig, path: string): DirectionsFile {
  const json = readJson(bytes, path);
  checkFormat(json, path);
  const parsed = directionsFile.safeParse(json);
  if (!parsed.success) throw new ModelError("DAMAGED", `${path}: ${issue(parsed.error)}; learn the directions again`);
  const lengths = [parsed.data.latent, ...Object.values(parsed.data.directions).map(({ vector }) => vector.length)];
  const other = lengths.find((length) => length !== config.latent);
  if (other !== undefined) {
    throw new ModelError(
      "DAMAGED",
      `${path} is for latents of ${other} numbers, the model has ${config.latent}: learn the directions again`,
    );
  }
  return parsed.data;
}

function readJson(bytes: Uint8Array, path: string): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    const page = /^\s*</.test(text)
      ? " but a page of the server; is the folder where the server serves files from?"
      : "";
    throw new ModelError("DAMAGED", `${path} is not JSON${page || ": copy the model folder again"}`, { cause: error });
  }
}

function checkFormat(json: unknown, path: string): void {
  const format = (json as { format?: unknown } | null)?.format;
  if (typeof format === "number" && format > modelFormat) {
    throw new ModelError(
      "FORMAT",
      `${path} has format ${format}, this version of pioneer-runtime reads up to ${modelFormat}: npm install pioneer-runtime@latest`,
    );
  }
}

/** Where the first thing is that is not as it should be, and why. */
function issue({ issues: [first] }: { readonly issues: readonly { path: readonly PropertyKey[]; message: string }[] }) {
  return first ? `${first.path.map(String).join(".")}: ${first.message}` : "is not as it should be";
}

/** In words how a file differs from what config.json says; undefined where it does not. */
async function difference(
  bytes: Uint8Array<ArrayBuffer>,
  config: ModelConfig,
  file: string,
): Promise<string | undefined> {
  const expected = config.files[file];
  if (!expected) return undefined;
  if (decodeStart(bytes).startsWith("version https://git-lfs")) {
    return "is what Git LFS leaves where it did not fetch the file (git lfs pull)";
  }
  if (bytes.length !== expected.bytes) return `has ${bytes.length} bytes, config.json says ${expected.bytes}`;
  const digest = await subtle()?.digest("SHA-256", bytes);
  if (!digest) return undefined;
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex === expected.sha256 ? undefined : "is not the file that config.json describes (its SHA-256 differs)";
}

const decodeStart = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(0, 40));

/** By the widest layer at the full resolution: the last block's input, upsampled. */
function batchFor({ channels, phase, resolution }: ModelConfig): number {
  const width = Math.max(1, channels >> Math.max(0, phase - 4));
  return Math.max(1, Math.min(largestBatch, Math.floor(layerBytes / (4 * width * resolution ** 2))));
}
