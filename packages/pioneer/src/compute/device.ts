import {
  type Capabilities,
  type ChooseForm,
  type ConvolutionForm,
  type ConvolutionLayer,
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
import { type FormsByLayer, layerName, type RunPrecision } from "./convolution-choice.ts";
import { availableThreads } from "./processor.ts";

/**
 * How 3x3 convolutions are computed: all in libtorch's form; those of 128 and more channels in Winograd's with 4/9 of the
 * multiplications; with weight gradients as matrix products; or layer by layer as was found to be fastest.
 */
export type Convolutions = ConvolutionForm | FormsByLayer;

/** What a phase or a model is computed with, and why. */
export interface Computing {
  readonly device: Device;
  readonly precision: Precision;
  readonly convolutions: Convolutions;
  readonly why: string;
  readonly threads: number;
}

/** @throws ConfigError where --cuda-graphs is asked for and cannot be had */
export function checkCudaGraphs(device: Device, { ema }: Pick<Recipe, "ema">): void {
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
export function useComputing({ threads, convolutions }: Pick<Computing, "threads" | "convolutions">): void {
  setThreads(threads);
  setConvolutions(formsOf(convolutions));
}

/** With fewer channels, in or out, the passes around Winograd's products often cost what the products gain (docs/design.md). */
const wideChannels = 128;

/** The form that a layer is computed in where one is asked for. */
export const askedForm =
  (asked: ConvolutionForm) =>
  ({ into, out, enlarging }: ConvolutionLayer): ConvolutionForm => {
    if (asked === "winograd") return Math.min(into, out) >= wideChannels ? "winograd" : "direct";
    return asked === "taps" && enlarging ? "direct" : asked;
  };

const formsOf = (convolutions: Convolutions): ChooseForm =>
  typeof convolutions === "string" ? askedForm(convolutions) : (layer) => convolutions[layerName(layer)] ?? "direct";

export interface WantedComputing extends Pick<TrainConfig, "device" | "precision"> {
  readonly convolutions?: TrainConfig["convolutions"] | undefined;
  readonly threads?: number | undefined;
}

/**
 * Chooses device, precision and convolutions without measuring, for work that is soon done: `auto` takes CUDA where there is one,
 * bf16 where the hardware has units for it, and on the CPU Winograd's convolutions, but for bf16 with AMX.
 * @param able of this machine
 * @throws ConfigError if CUDA is asked for and not there, or Winograd's convolutions on it
 */
export function chooseComputing(wanted: WantedComputing, able: Capabilities = capabilities()): Computing {
  const { device, why } = chooseDevice(wanted, able);
  const { precisions, because } = precisionsFor(wanted, device, able);
  const precision = precisions.at(-1) as RunPrecision;
  return {
    device,
    precision,
    convolutions: unmeasuredConvolutions(wanted, device, precision, able),
    why: reasonOf(why, because),
    threads: wanted.threads ?? availableThreads(),
  };
}

/** Why a device and a precision were taken, in one line. */
export const reasonOf = (device: string, precision: string): string => `device: ${device}; precision: ${precision}`;

/** Where multiplications are what a convolution waits for: with AMX they are not (docs/design.md). */
function unmeasuredConvolutions(
  { convolutions = "auto" }: WantedComputing,
  device: Device,
  precision: RunPrecision,
  { cpuBf16 }: Capabilities,
): Convolutions {
  if (convolutions !== "auto") return convolutions;
  return device === "cpu" && (precision === "fp32" || cpuBf16[0] === "avx512_bf16") ? "winograd" : "direct";
}

/** @throws ConfigError if CUDA is asked for and not there, or Winograd's convolutions on it */
export function chooseDevice(
  wanted: Pick<WantedComputing, "device" | "convolutions">,
  { libtorch, cudaDevices }: Capabilities,
): { readonly device: Device; readonly why: string } {
  if (wanted.device === "cuda" && cudaDevices === 0) {
    throw new ConfigError(
      `--device cuda: libtorch ${libtorch} sees no CUDA device here; use --device cpu, or set LIBTORCH to a CUDA build and run make build`,
    );
  }
  const device: Device = wanted.device === "cuda" || (wanted.device === "auto" && cudaDevices > 0) ? "cuda" : "cpu";
  const { convolutions = "auto" } = wanted;
  if ((convolutions === "winograd" || convolutions === "taps") && device !== "cpu") {
    throw new ConfigError(
      `--convolutions ${convolutions} is for the CPU, this run computes on ${device}; leave it out`,
    );
  }
  if (wanted.device !== "auto") return { device, why: "asked for" };
  return { device, why: device === "cuda" ? "CUDA is available" : "no CUDA device is visible" };
}

/** The precisions that may be chosen on a device, bf16 last where the hardware has units for it, and why. */
export function precisionsFor(
  { precision }: Pick<WantedComputing, "precision">,
  device: Device,
  { cudaBf16, cpuBf16 }: Capabilities = capabilities(),
): { readonly precisions: readonly RunPrecision[]; readonly because: string } {
  if (precision !== "auto") return { precisions: [precision], because: "asked for" };
  if (device === "cuda") {
    // Not measured there: with units for it, bf16 has several times the rate.
    const units = cudaBf16 ? "the GPU has bf16 units" : "the GPU has no bf16 units (compute capability below 8.0)";
    return { precisions: [cudaBf16 ? "bf16" : "fp32"], because: units };
  }
  const [unit] = cpuBf16;
  return unit === undefined
    ? { precisions: ["fp32"], because: "the processor has no bf16 unit (amx_bf16, avx512_bf16)" }
    : { precisions: ["fp32", "bf16"], because: `the processor has ${unit}` };
}
