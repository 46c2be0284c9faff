// Steps on random data with a throwaway learner: what a phase will need, before a run spends days to find out.
import { readFileSync, writeFileSync } from "node:fs";
import { availableMemory } from "node:process";
import { cudaMemory, type Device, RandomGenerator, rand, resetCudaPeak, scope } from "pioneer-torch";
import { ConfigError } from "../base/errors.ts";
import type { Computing } from "../compute/device.ts";
import { drawLatents } from "../compute/streams.ts";
import { batchAt } from "../config/batch.ts";
import type { TrainConfig } from "../config/config.ts";
import { recipeOf } from "../config/recipe.ts";
import type { Schedule, SchedulePhase } from "../config/schedule.ts";
import { createLearner, disposeLearner, type Learner } from "../learner/learner.ts";
import { placeLearner } from "../learner/placement.ts";
import { resolutionOf } from "../networks/index.ts";
import { trainStep } from "./step.ts";

/** What one step needs. */
export interface StepNeed {
  readonly seconds: number;
  /** Peak memory: of tensors on a CUDA device where that is known, else resident memory of the process. */
  readonly peakMiB: number;
}

/** A trial longer than this is done with a smaller batch and scaled up. */
const patienceSeconds = 30;

/** A learner to try steps with; its weights are thrown away. */
export class Trial {
  readonly #config: TrainConfig;
  readonly #computing: Computing;
  readonly #learner: Learner;
  readonly #random = new RandomGenerator(0);

  constructor(config: TrainConfig, computing: Computing) {
    const { latent, channels, lr } = config;
    this.#config = config;
    this.#computing = computing;
    this.#learner = createLearner(recipeOf(config), { latent, channels }, lr, this.#random);
    placeLearner(this.#learner, computing.device);
  }

  /**
   * Time and memory of a step of `batch` images, faded in: measured with fewer images where that takes too long, or where by these
   * it would not fit, as the system ends a process that it has no memory for without a word.
   */
  need(phase: number, batch: number): StepNeed {
    const two = this.#settled(phase, 2);
    if (batch === 2) return two;
    const scaled = ({ seconds, peakMiB }: StepNeed, tried: number): StepNeed => {
      const growth = Math.max(0, peakMiB - two.peakMiB) / (tried - 2);
      return { seconds: (seconds / tried) * batch, peakMiB: peakMiB + growth * (batch - tried) };
    };
    const most = Math.max(3, Math.min(batch, Math.floor((2 * patienceSeconds) / two.seconds)));
    const few = Math.min(most, Math.max(3, batch >> 2));
    const expected = scaled(this.#settled(phase, few), few);
    if (few === most || expected.peakMiB > availableMiB(this.#computing.device)) return expected;
    return scaled(this.#settled(phase, most), most);
  }

  /** The first step of a shape also builds its kernels: a quick one is measured again. */
  #settled(phase: number, batch: number): StepNeed {
    const first = this.#measure(phase, batch);
    return first.seconds < 5 ? this.#measure(phase, batch) : first;
  }

  #measure(phase: number, batch: number): StepNeed {
    const { precision, device } = this.#computing;
    const { encoderOrder, latent } = this.#config;
    const { recipe } = this.#learner;
    const resolution = resolutionOf(phase);
    const growth = { phase, alpha: 0.999 }; // both to_rgb and from_rgb at work: the most memory
    resetPeak(device);
    const start = performance.now();
    scope(() => {
      const z = () => drawLatents(batch, latent, this.#random).to(device);
      const inputs = {
        x: rand([batch, 3, resolution, resolution], this.#random, -1, 1).to(device),
        zEncoder: z(),
        zGenerator: Array.from({ length: recipe.generatorSteps }, z),
        blend: rand([batch, 1, 1, 1], this.#random).to(device),
      };
      trainStep(this.#learner, inputs, { growth, precision, encoderOrder, reduce: (mean) => mean }).generator?.item();
    });
    return { seconds: (performance.now() - start) / 1000, peakMiB: peakMiB(device) };
  }

  dispose(): void {
    disposeLearner(this.#learner);
  }
}

/**
 * Tries the last phase before the first step.
 * @returns seconds an image of the last phase takes
 * @throws ConfigError if it would not fit into memory, with both sizes and the mend
 */
export function tryLastPhase(
  config: TrainConfig,
  { phases }: Schedule,
  computing: Computing,
  log: (text: string) => void,
): number {
  const { phase } = phases.at(-1) as SchedulePhase;
  const resolution = resolutionOf(phase);
  const batch = batchAt(config.batch, resolution);
  const available = availableMiB(computing.device);
  const trial = new Trial(config, computing);
  try {
    const { peakMiB: peak, seconds } = trial.need(phase, batch);
    if (peak > available) throw tooLarge(resolution, batch, peak, available);
    log(
      `tried the last phase: a step at ${resolution}x${resolution} with batch ${batch} takes ${seconds.toPrecision(2)} s and ${Math.round(peak)} MiB`,
    );
    return seconds / batch;
  } catch (error) {
    if (/not enough memory|out of memory/i.test((error as Error).message))
      throw tooLarge(resolution, batch, undefined, available);
    throw error;
  } finally {
    trial.dispose();
  }
}

function tooLarge(resolution: number, batch: number, peakMiB: number | undefined, availableMiB: number): ConfigError {
  const needs = peakMiB === undefined ? "more memory than there is" : `about ${Math.round(peakMiB)} MiB`;
  return new ConfigError(
    `the last phase (${resolution}x${resolution}, batch ${batch}) needs ${needs}, ${Math.round(availableMiB)} MiB are available: ` +
      `give a smaller --batch, for instance "${resolution}:${Math.max(2, batch >> 1)}", or fewer --channels`,
  );
}

/** Of a CUDA device, where that is known: all that is said of memory is then said of the device's. */
const memoryOf = (device: Device) => (device === "cpu" ? undefined : cudaMemory());

const availableMiB = (device: Device) => (memoryOf(device)?.possible ?? availableMemory()) / 2 ** 20;

/** Linux counts the peak from now on; elsewhere the peak is that of the whole process. */
function resetPeak(device: Device): void {
  if (device !== "cpu") resetCudaPeak();
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // not Linux
  }
}

function peakMiB(device: Device): number {
  const cuda = memoryOf(device);
  if (cuda) return cuda.peak / 2 ** 20;
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}
