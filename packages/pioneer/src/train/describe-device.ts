// What this machine would train with, for one who has no run yet.
import { cpus } from "node:os";
import { capabilities } from "pioneer-torch";
import type { PhaseChoice } from "../compute/convolution-choice.ts";
import { chooseComputing, precisionsFor } from "../compute/device.ts";
import { availableThreads } from "../compute/processor.ts";
import { resolveTrainConfig } from "../config/config.ts";
import { choosePhaseLayers } from "./choose-layers.ts";
import { formatChoice, fromSizeOn } from "./computing-lines.ts";

/** Networks for a laptop, to 64x64. */
const example = { latent: 128, channels: 128 };
const examplePhases = [0, 1, 2, 3, 4];

export interface DeviceDescription {
  /** Version of libtorch. */
  readonly libtorch: string;
  /** CUDA devices that libtorch sees; none without one. */
  readonly cuda?: string;
  /** Model name of the processor. */
  readonly cpu: string;
  /** That can run at once. */
  readonly threads: number;
  /** What --precision auto chooses for 128 channels, and why. */
  readonly precision: string;
  readonly why: string;
  /** What was measured, by phase; none on CUDA. */
  readonly measured: Readonly<Record<number, PhaseChoice>>;
  /** The same for people. */
  readonly lines: readonly string[];
}

/** Times the layers of networks with 128 channels, a second or two, where this was not done before. */
export async function describeDevice(): Promise<DeviceDescription> {
  const able = capabilities();
  const { libtorch, cudaDevices } = able;
  const wanted = { device: "auto", precision: "auto" } as const;
  const { device, precision, why } = chooseComputing(wanted, able);
  const cuda = cudaDevices > 0 ? { cuda: `${cudaDevices} device${cudaDevices > 1 ? "s" : ""}` } : {};
  const threads = availableThreads();
  const known = { libtorch, ...cuda, cpu: cpus()[0]?.model ?? "unknown", threads };
  if (device !== "cpu") return { ...known, precision, why, measured: {}, lines: [] };
  const { precisions } = precisionsFor(wanted, device, able);
  const config = resolveTrainConfig({ data: "procedural:faces", ...example });
  const choices = await choosePhaseLayers(config, examplePhases, { threads, precisions });
  if (!choices) return { ...known, precision, why, measured: {}, lines: [] };
  return {
    ...known,
    precision: fromSizeOn(choices.phases, ({ precision }) => precision),
    why: `measured with ${example.channels} channels`,
    measured: Object.fromEntries(choices.phases),
    lines: [
      `images/s of convolutions alone, ${threads} threads, ${choices.told}:`,
      ...[...choices.phases].map(([phase, choice]) => formatChoice(phase, choice)),
    ],
  };
}
