import { availableParallelism, cpus } from "node:os";
import { capabilities, type Device } from "pioneer-torch";
import type { TrainConfig } from "../config.ts";
import { ConfigError } from "../errors.ts";
import type { Precision } from "../networks/index.ts";

/** What a run computes with, and why. */
export interface Computing {
  readonly device: Device;
  readonly precision: Precision;
  readonly why: string;
  readonly threads: number;
}

/** @throws ConfigError where --cuda-graphs is asked for and cannot be had */
export function checkCudaGraphs({ device }: Computing): void {
  const { libtorch, cudaGraphs } = capabilities();
  if (device !== "cuda") throw new ConfigError(`--cuda-graphs needs a CUDA device, this run computes on ${device}`);
  if (!cudaGraphs) {
    throw new ConfigError(
      `--cuda-graphs: built without them against libtorch ${libtorch}; they need libtorch 2 or newer and nvcc when make build runs`,
    );
  }
}

/**
 * Chooses device and precision. `auto` takes CUDA where there is one, and bf16 where the hardware has units for it.
 * @throws ConfigError if CUDA is asked for and not there
 */
export function chooseComputing(
  wanted: Pick<TrainConfig, "device" | "precision"> & { threads?: number | undefined },
): Computing {
  const { libtorch, cudaDevices, cpuBf16 } = capabilities();
  if (wanted.device === "cuda" && cudaDevices === 0) {
    throw new ConfigError(
      `--device cuda: libtorch ${libtorch} sees no CUDA device here; use --device cpu, or set LIBTORCH to a CUDA build and run make build`,
    );
  }
  const device: Device = wanted.device === "cuda" || (wanted.device === "auto" && cudaDevices > 0) ? "cuda" : "cpu";
  const deviceWhy =
    wanted.device === "auto" ? (device === "cuda" ? "CUDA is available" : "no CUDA device is visible") : "asked for";
  const threads = wanted.threads ?? availableParallelism();
  if (wanted.precision !== "auto") {
    return { device, precision: wanted.precision, why: `device: ${deviceWhy}; precision: asked for`, threads };
  }
  // Every CUDA device that a libtorch of today supports well has bf16 (compute capability 8 and up).
  const has = device === "cuda" || cpuBf16.length > 0;
  const units = device === "cuda" ? "the GPU's tensor cores" : (cpuBf16[0] ?? "no bf16 unit (amx_bf16, avx512_bf16)");
  const precision = has ? "bf16" : "fp32";
  return { device, precision, why: `device: ${deviceWhy}; precision: the processor has ${units}`, threads };
}

/** What this machine would train with. */
export interface DeviceDescription {
  /** Version of libtorch. */
  readonly libtorch: string;
  /** CUDA devices that libtorch sees; none without one. */
  readonly cuda?: string;
  /** Model name of the processor. */
  readonly cpu: string;
  readonly threads: number;
  /** What --precision auto chooses, and why. */
  readonly precision: string;
  readonly why: string;
}

export async function describeDevice(): Promise<DeviceDescription> {
  const { libtorch, cudaDevices } = capabilities();
  const { precision, why, threads } = chooseComputing({ device: "auto", precision: "auto" });
  const cuda = cudaDevices > 0 ? { cuda: `${cudaDevices} device${cudaDevices > 1 ? "s" : ""}` } : {};
  return { libtorch, ...cuda, cpu: cpus()[0]?.model ?? "unknown", threads, precision, why };
}
