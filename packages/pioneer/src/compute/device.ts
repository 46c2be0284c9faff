import { cpus } from "node:os";
import {
  type Capabilities,
  type ChooseForm,
  capabilities,
  type Device,
  hasFused,
  setConvolutions,
  setThreads,
} from "pioneer-torch";
import { ConfigError } from "../base/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import type { Recipe } from "../config/recipe.ts";
import type { Precision } from "../networks/index.ts";
import { availableThreads } from "./processor.ts";

/** How 3x3 convolutions of 256 and more channels are computed: as they are, or by Winograd's with 4/9 of the multiplications. */
export type Convolutions = "direct" | "winograd";

/** What a run computes with, and why. */
export interface Computing {
  readonly device: Device;
  readonly precision: Precision;
  readonly convolutions: Convolutions;
  readonly why: string;
  readonly threads: number;
}

/** @throws ConfigError where --cuda-graphs is asked for and cannot be had */
export function checkCudaGraphs({ device }: Computing, { ema }: Pick<Recipe, "ema">): void {
  const { libtorch, cudaGraphs } = capabilities();
  if (device !== "cuda") throw new ConfigError(`--cuda-graphs needs a CUDA device, this run computes on ${device}`);
  if (!cudaGraphs) {
    throw new ConfigError(
      `--cuda-graphs: built without them against libtorch ${libtorch}; they need libtorch 2 or newer and nvcc when make build runs`,
    );
  }
  if (!("decay" in ema)) {
    throw new ConfigError(
      "--cuda-graphs records one length of the averages, and the recipe's follows the run: give --ema-decay",
    );
  }
  if (!hasFused(device)) {
    throw new ConfigError("--cuda-graphs needs a GPU of compute capability 8.0 or above (A100, RTX 30): leave it out");
  }
}

/** Takes it for this process. */
export function useComputing({ threads, convolutions }: Computing): void {
  setThreads(threads);
  setConvolutions(formsOf(convolutions));
}

/** With fewer channels, in or out, the passes around Winograd's products cost what the products gain (docs/design.md). */
const wideChannels = 256;

const formsOf = (convolutions: Convolutions): ChooseForm =>
  convolutions === "direct"
    ? () => "direct"
    : ({ into, out }) => (Math.min(into, out) >= wideChannels ? "winograd" : "direct");

export interface WantedComputing extends Pick<TrainConfig, "device" | "precision"> {
  readonly convolutions?: TrainConfig["convolutions"] | undefined;
  readonly threads?: number | undefined;
}

/**
 * Chooses device, precision and convolutions. `auto` takes CUDA where there is one, bf16 where the hardware has units for it, and
 * Winograd's convolutions where they are faster.
 * @param able of this machine
 * @throws ConfigError if CUDA is asked for and not there, or Winograd's convolutions on it
 */
export function chooseComputing(wanted: WantedComputing, able: Capabilities = capabilities()): Computing {
  const { device, precision, why } = chooseDevice(wanted, able);
  const { convolutions, because } = chooseConvolutions(wanted.convolutions ?? "auto", device, precision, able);
  const threads = wanted.threads ?? availableThreads();
  return { device, precision, convolutions, why: `${why}; convolutions: ${convolutions}, ${because}`, threads };
}

/** In bfloat16 they gain where multiplications are what a convolution waits for: not with AMX (docs/design.md). */
function chooseConvolutions(
  wanted: TrainConfig["convolutions"],
  device: Device,
  precision: Precision,
  { cpuBf16 }: Capabilities,
): { convolutions: Convolutions; because: string } {
  if (wanted === "winograd" && device !== "cpu") {
    throw new ConfigError(`--convolutions winograd is for the CPU, this run computes on ${device}; leave it out`);
  }
  if (wanted !== "auto") return { convolutions: wanted, because: "asked for" };
  if (device !== "cpu") return { convolutions: "direct", because: "Winograd's are for the CPU" };
  if (precision === "fp32") return { convolutions: "winograd", because: "faster in float32" };
  const [unit] = cpuBf16;
  return unit === "avx512_bf16"
    ? { convolutions: "winograd", because: `faster with ${unit}` }
    : { convolutions: "direct", because: `Winograd's are not faster with ${unit ?? "no bf16 unit"}` };
}

function chooseDevice(
  wanted: WantedComputing,
  { libtorch, cudaDevices, cudaBf16, cpuBf16 }: Capabilities,
): Pick<Computing, "device" | "precision" | "why"> {
  if (wanted.device === "cuda" && cudaDevices === 0) {
    throw new ConfigError(
      `--device cuda: libtorch ${libtorch} sees no CUDA device here; use --device cpu, or set LIBTORCH to a CUDA build and run make build`,
    );
  }
  const device: Device = wanted.device === "cuda" || (wanted.device === "auto" && cudaDevices > 0) ? "cuda" : "cpu";
  const deviceWhy =
    wanted.device === "auto" ? (device === "cuda" ? "CUDA is available" : "no CUDA device is visible") : "asked for";
  if (wanted.precision !== "auto") {
    return { device, precision: wanted.precision, why: `device: ${deviceWhy}; precision: asked for` };
  }
  const [has, units] =
    device === "cuda"
      ? [cudaBf16, cudaBf16 ? "the GPU has bf16 units" : "the GPU has no bf16 units (compute capability below 8.0)"]
      : [cpuBf16.length > 0, `the processor has ${cpuBf16[0] ?? "no bf16 unit (amx_bf16, avx512_bf16)"}`];
  return { device, precision: has ? "bf16" : "fp32", why: `device: ${deviceWhy}; precision: ${units}` };
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
