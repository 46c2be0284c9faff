// Steps on random data with a throwaway learner: what a phase will need, before a run spends days to find out.
import { readFileSync, writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import {
  cudaMemory,
  type Device,
  forgetMemory,
  heldMemory,
  RandomGenerator,
  rand,
  resetCudaPeak,
  scope,
} from "pioneer-torch";
import { PatientLog } from "../base/patience.ts";
import { type Computing, useComputing } from "../compute/device.ts";
import { availableBytes } from "../compute/memory.ts";
import { batchAt } from "../config/batch.ts";
import type { TrainConfig } from "../config/config.ts";
import { recipeOf } from "../config/recipe.ts";
import type { Schedule, SchedulePhase } from "../config/schedule.ts";
import { createLearner, disposeLearner, type Learner } from "../learner/learner.ts";
import { placeLearner } from "../learner/placement.ts";
import { resolutionOf } from "../networks/index.ts";
import { type Objective, objectiveOf } from "../objectives/index.ts";
import { imagesThatFit, mostOf, needOf, nextSize, type StepNeed, stepsAgain, type Tried } from "./estimate.ts";
import { drawInputs } from "./inputs.ts";
import { trainStep } from "./step.ts";
import { tooLargeError } from "./too-large.ts";

/** Time for the steps of one phase; a step that was begun is finished. */
const budgetSeconds = 3;

/** Alphas that are tried. While fading both to_rgb and from_rgb are at work: mostly the most time and memory. */
const fading = 0.999;
const fadedIn = 1;

/** A learner to try steps with; its weights are thrown away. */
export class Trial {
  readonly #config: TrainConfig;
  readonly #device: Device;
  readonly #objective: Objective;
  readonly #learner: Learner;
  readonly #random = new RandomGenerator(0);

  private constructor(config: TrainConfig, device: Device, objective: Objective) {
    const { latent, channels, lr } = config;
    this.#config = config;
    this.#device = device;
    this.#objective = objective;
    this.#learner = createLearner(recipeOf(config), { latent, channels }, lr, this.#random);
    placeLearner(this.#learner, device);
  }

  /** @param objective to be opened; that of the configuration's recipe */
  static async open(
    config: TrainConfig,
    device: Device,
    objective: Objective = objectiveOf(recipeOf(config)),
  ): Promise<Trial> {
    await objective.open?.(device);
    return new Trial(config, device, objective);
  }

  /**
   * Time and memory of a step of `batch` images, at most: measured with fewer of them where more take too long or do not fit.
   * @param log told what is tried, where it takes long
   */
  async need(phase: number, batch: number, computing: Computing, log: PatientLog): Promise<StepNeed> {
    // What the first step of all leaves behind, such as Adam's moments, is no part of what images take.
    this.step(Math.max(0, phase - 2), 2, computing);
    const alphas = this.#objective.fadedInDoesMore ? [fading, fadedIn] : [fading];
    const needs: StepNeed[] = [];
    for (const alpha of alphas) {
      const step = (images: number) => this.step(phase, images, computing, alpha);
      const told = (images: number) =>
        log.doing(`trying steps of ${images} images at ${resolutionOf(phase)}x${resolutionOf(phase)}`);
      needs.push(await this.#needOf(step, batch, budgetSeconds / alphas.length, told));
    }
    return mostOf(needs);
  }

  /** @param step takes one with so many images @returns what one of `batch` images needs */
  async #needOf(
    step: (images: number) => number,
    batch: number,
    seconds: number,
    told: (images: number) => void,
  ): Promise<StepNeed> {
    const until = performance.now() + 1000 * seconds;
    const secondsLeft = () => (until - performance.now()) / 1000;
    const tried: Tried[] = [];
    for (;;) {
      await setImmediate(); // lets messages out and signals in
      const size = nextSize(tried, batch, secondsLeft(), roomOn(this.#device));
      if (size === undefined) return needOf(tried, batch);
      told(size);
      // Of two sizes the second is the last one where time is short.
      const isLast = size === batch || tried.length === 1;
      try {
        tried.push(await this.#try(size, () => step(size), secondsLeft, isLast));
      } catch (error) {
        throw isLackOfMemory(error) ? new NoRoom(tried.at(-1)?.images, error) : error;
      }
    }
  }

  /** The first step of a size also builds its kernels: where others follow, it does not count. */
  async #try(images: number, step: () => number, secondsLeft: () => number, isLast: boolean): Promise<Tried> {
    resetPeak(this.#device);
    const first = step();
    const seconds: number[] = [];
    if (secondsLeft() > first) resetPeak(this.#device);
    while (stepsAgain(first, seconds, secondsLeft(), isLast)) {
      await setImmediate();
      seconds.push(step());
    }
    const isCold = seconds.length === 0;
    return { images, seconds: isCold ? [first] : seconds, isCold, ...peakOf(this.#device) };
  }

  /** @returns seconds of one step */
  step(phase: number, images: number, computing: Computing, alpha = fading): number {
    useComputing(computing);
    const { precision, device } = computing;
    const { encoderOrder } = this.#config;
    const resolution = resolutionOf(phase);
    const growth = { phase, alpha };
    this.#learner.pool.clear(); // of images of another size, and of the memory of steps before
    return scope(() => {
      const x = rand([images, 3, resolution, resolution], this.#random, -1, 1).to(device);
      const inputs = drawInputs(this.#objective, this.#learner, x, { growth, random: () => this.#random, device });
      const start = performance.now();
      const settings = { growth, precision, encoderOrder };
      trainStep(this.#objective, this.#learner, inputs, settings).generator.item(); // waits for the device
      return (performance.now() - start) / 1000;
    });
  }

  dispose(): void {
    this.#objective.dispose?.();
    disposeLearner(this.#learner);
    forgetMemory();
  }
}

/** What a run holds beside a step on the processor, at least: the next batch, grids, pictures of the pool. */
const besideStepMiB = 32;

/** Of the memory there is, what a batch is advised for: both processes grow a little in their first thousands of steps. */
const toUse = (availableMiB: number) => Math.min(0.9 * availableMiB, availableMiB - 64);

/** Processes that share the batch, and of these those that share the memory of this machine. */
export interface Sharers {
  readonly all: number;
  readonly here: number;
}

const alone: Sharers = { all: 1, here: 1 };

/**
 * Tries the last phase before the first step.
 * @param config with the batch of one process
 * @returns seconds an image of the last phase takes
 * @throws ConfigError if it would not fit into memory, with both sizes and the batch that does
 */
export async function tryLastPhase(
  trial: Trial,
  config: TrainConfig,
  { phases }: Schedule,
  computing: Computing,
  log: (text: string) => void,
  sharers = alone,
): Promise<number> {
  const { phase } = phases.at(-1) as SchedulePhase;
  const resolution = resolutionOf(phase);
  const batch = batchAt(config.batch, resolution);
  const available = roomOn(computing.device, sharers) / 2 ** 20;
  const tooLarge = (needs: string, fits: number | undefined) =>
    tooLargeError({ resolution, batch, needs, fits, availableMiB: available, processes: sharers.all });
  try {
    const need = await trial.need(phase, batch, computing, new PatientLog(log));
    const { peakMiB, seconds } = need;
    const needed = computing.device === "cpu" ? peakMiB + besideStepMiB : peakMiB;
    if (needed > available) {
      throw tooLarge(`about ${Math.round(needed)} MiB`, imagesThatFit(need, batch, toUse(available)));
    }
    log(
      `tried the last phase: a step at ${resolution}x${resolution} with batch ${batch} takes ${Number(seconds.toPrecision(2))} s and ${Math.round(peakMiB)} MiB`,
    );
    return seconds / batch;
  } catch (error) {
    if (!isLackOfMemory(error)) throw error;
    throw tooLarge("more memory than there is", error instanceof NoRoom ? error.images : undefined);
  }
}

const isLackOfMemory = (error: unknown): error is Error =>
  error instanceof Error && /not enough memory|out of memory/i.test(error.message);

/** There was no memory for a step. */
class NoRoom extends Error {
  /** Of which a smaller step had been taken, if any was. */
  readonly images: number | undefined;

  constructor(images: number | undefined, cause: Error) {
    super(cause.message, { cause });
    this.images = images;
  }
}

/** Of a CUDA device, where that is known: all that is said of memory is then said of the device's. */
const memoryOf = (device: Device) => (device === "cpu" ? undefined : cudaMemory());

const roomOn = (device: Device, { here } = alone) => memoryOf(device)?.possible ?? availableBytes(here);

/** Linux counts the peak from now on; elsewhere the peak is that of the whole process. */
function resetPeak(device: Device): void {
  if (device !== "cpu") resetCudaPeak();
  forgetMemory();
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // not Linux
  }
}

function peakOf(device: Device): Pick<Tried, "tensorBytes" | "residentBytes"> {
  const cuda = memoryOf(device);
  return cuda
    ? { tensorBytes: cuda.peak, residentBytes: cuda.peak }
    : { tensorBytes: heldMemory(), residentBytes: residentPeak() };
}

function residentPeak(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
