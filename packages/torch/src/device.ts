import { cpuField, cpuinfo } from "./cpuinfo.ts";
import { native } from "./native.ts";
import type { Device } from "./tensor.ts";

/** Version of libtorch, CUDA devices it sees, and bf16 units of the processor. */
export interface Capabilities {
  readonly libtorch: string;
  readonly cudaDevices: number;
  /** Whether the CUDA device has units for bfloat16: compute capability 8.0 (A100, RTX 30) and above. */
  readonly cudaBf16: boolean;
  /** Whether the fused operators are built for CUDA too; else CUDA computes with ATen's, to the same numbers but slower. */
  readonly fusedCuda: boolean;
  /** Whether a step can be recorded as a CUDA graph: with the fused operators, on libtorch 2. */
  readonly cudaGraphs: boolean;
  /** Processor instructions for bfloat16 matrix work, fastest first; empty where there are none or it is not known. */
  readonly cpuBf16: readonly string[];
}

const bf16Flags = ["amx_bf16", "avx512_bf16"];

export function capabilities(): Capabilities {
  const { torch, cudaDevices, cudaBf16, fusedCuda, cudaGraphs } = native.build();
  const flags = cpuField(cpuinfo(), "flags").split(" ");
  const cpuBf16 = bf16Flags.filter((flag) => flags.includes(flag));
  return { libtorch: torch, cudaDevices, cudaBf16, fusedCuda, cudaGraphs, cpuBf16 };
}

let fusedCuda: boolean | undefined;

/** Whether the passes of `fused` are there for a device; on CUDA they are built for compute capability 8.0 and above. */
export function hasFused(device: Device): boolean {
  // A tensor says "cuda:0".
  if (!device.startsWith("cuda")) return device === "cpu";
  if (fusedCuda === undefined) {
    const { fusedCuda: isBuilt, cudaBf16 } = native.build();
    fusedCuda = isBuilt && cudaBf16;
  }
  return fusedCuda;
}

/** Memory of the CUDA device, in bytes. */
export interface CudaMemory {
  /** Of tensors, at most since resetCudaPeak(). */
  readonly peak: number;
  /** That this process's tensors could have: what is free, and what it keeps. */
  readonly possible: number;
}

/** Of the CUDA device in use; undefined without one, and where the build cannot tell (it needs libtorch 2 and nvcc). */
export function cudaMemory(): CudaMemory | undefined {
  const found = native.cudaMemory();
  return found ? { peak: found[0], possible: found[1] } : undefined;
}

export const resetCudaPeak = (): void => native.resetCudaPeak();

export const getThreads = (): number => native.threads();

/** Threads used inside one operator, 1 to 1024. Results of some sums depend on it. */
export const setThreads = (count: number): void => native.setThreads(count);

/** On: operators whose result depends on scheduling are refused or replaced (matters on CUDA only). */
export const setDeterministic = (enabled: boolean): void => native.setDeterministic(enabled);

/**
 * From now on this process keeps large blocks of memory for the next tensors instead of giving them back to the system: for
 * training, which asks for the same sizes in each step. Tensors and what is kept take a fifth more than tensors alone at their most,
 * where they come and go as in training; what is free beyond half again is given back.
 */
export const cacheMemory = (): void => native.cacheMemory();

/**
 * Bytes that large tensors and what is kept for them took together on the CPU, at most since forgetMemory(); 0 without cacheMemory(). It counts
 * what was asked for, so that the same work gives the same number.
 */
export const heldMemory = (): number => native.heldMemory();

/** Gives what is kept back to the system and begins to count anew. */
export const forgetMemory = (): void => native.forgetMemory();

/**
 * True if this process now holds the exclusive lock on the open file, false if another does; the kernel drops it when the process
 * ends. undefined on a file system that has no locks, as some network ones.
 */
export const lockFile = (fd: number): boolean | undefined => native.lockFile(fd);

/** Asks the kernel to kill this process when its parent ends. @returns whether this system can */
export const dieWithParent = (): boolean => native.dieWithParent();
