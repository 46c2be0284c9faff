import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LoadError, TorchError } from "./errors.ts";
import { withOpenblasCore } from "./openblas.ts";

/** A value as the addon takes and returns it: tensors and generators are numbers (see native/door/handles.h). */
export type NativeValue = number | boolean | string | null | undefined | NativeValue[];

/** The entry points of native/door and native/services. */
export interface Native {
  setErrorFactory(factory: (message: string) => Error): void;
  operator(name: string, overload: string): { index: number; schema: string; returns: string[] };
  call(operator: number, values: NativeValue[]): NativeValue;
  free(id: number): boolean;
  memory(): [tensors: number, bytes: number];
  shape(id: number): number[];
  dtype(id: number): number;
  device(id: number): string;
  fromBuffer(data: NodeJS.TypedArray, dtype: number, shape: readonly number[], copy: boolean): number;
  read(id: number): ArrayBuffer;
  view(id: number): ArrayBuffer;
  grad(
    outputs: number[],
    inputs: number[],
    gradOutputs: number[] | null,
    retain: boolean,
    create: boolean,
    allowUnused: boolean,
  ): (number | null)[];
  backward(outputs: number[], gradOutputs: number[] | null, retain: boolean, create: boolean): void;
  gradient(id: number): number | null;
  requiresGrad(id: number): boolean;
  setGradMode(enabled: boolean): boolean;
  build(): { torch: string; cudaDevices: number; cudaBf16: boolean; fusedCuda: boolean; cudaGraphs: boolean };
  cudaMemory(): [number, number] | null;
  resetCudaPeak(): void;
  threads(): number;
  setThreads(count: number): void;
  setDeterministic(enabled: boolean): void;
  generator(seed: number, device: string): number;
  freeGenerator(generator: number): boolean;
  cacheMemory(): void;
  heldMemory(): number;
  forgetMemory(): void;
  enterGraphStream(): void;
  prepareGraph(): void;
  beginGraph(): number;
  endGraph(graph: number): void;
  replayGraph(graph: number): void;
  freeGraph(graph: number): boolean;
  lockFile(fd: number): boolean | undefined;
  dieWithParent(): boolean;
  batchLoader(images: number, pinned: boolean): number;
  beginBatch(loader: number, indices: Uint32Array, mirrored: Uint8Array, size: number, blend: number): void;
  finishBatch(loader: number): number;
  freeBatchLoader(loader: number): boolean;
  /** These are not there in a build without Gloo's headers. */
  joinRanks?: (
    rank: number,
    size: number,
    file: string,
    host: string,
    port: number,
    isHost: boolean,
    prefix: string,
    patience: number,
    deadAfter: number,
    hungAfter: number,
  ) => number;
  leaveRanks(ranks: number): boolean;
  beginSum(ranks: number, tensor: number): number;
  finishSum(ranks: number, work: number): void;
  broadcastFrom(ranks: number, tensor: number, rank: number): void;
  gradientsOverRanks(ranks: number, output: number, inputs: number[], weight: number): number[];
  secondsWaited(ranks: number): number;
  setRankBusy(ranks: number, isBusy: boolean): void;
  failRank(ranks: number, what: string): void;
  startRecording(): void;
  stopRecording(): RecordedCall[];
}

/** An operator call or a node of a backward pass, as native/services/profile.cc notes it. */
export interface RecordedCall {
  name: string;
  inputs: RecordedValue[];
  parent: number | null;
  seconds: number;
}

export type RecordedValue =
  | number
  | boolean
  | string
  | null
  | { shape: number[]; strides: number[]; dtype: number }
  | RecordedValue[];

const packageFolder = fileURLToPath(new URL("..", import.meta.url));

const waysToLibtorch =
  "install libtorch-dev (Debian, Ubuntu) or pytorch (Homebrew), or set LIBTORCH to an unpacked libtorch or to the torch folder of a Python wheel, then run `make build`";

function load(): Native {
  // A second build, against another libtorch, is chosen by its folder.
  const folder = process.env.PIONEER_TORCH_BUILD ?? join(packageFolder, "build");
  const file = resolve(folder, "pioneer_torch.node");
  if (!existsSync(file)) {
    throw new LoadError(`pioneer-torch: the native addon ${file} is not built: ${waysToLibtorch}`);
  }
  try {
    const native = withOpenblasCore(() => createRequire(import.meta.url)(file) as Native);
    native.setErrorFactory((message) => new TorchError(message));
    return native;
  } catch (error) {
    const reason = String((error as Error).message).split("\n")[0];
    if (/cannot allocate memory|failed to map segment|out of memory/i.test(reason ?? "")) {
      throw new LoadError(
        `pioneer-torch: libtorch could not be loaded for lack of memory (${reason}): free some, or raise the limit (ulimit -v)`,
        { cause: error },
      );
    }
    throw new LoadError(
      `pioneer-torch: ${file} could not be loaded (${reason}). It was built against a libtorch that is not here now: ${waysToLibtorch}`,
      { cause: error },
    );
  }
}

/** The addon of this thread. Loading it loads libtorch, about 0.3 s. */
export const native: Native = load();
