// Training steps, timed in a process of their own.
import { readFileSync } from "node:fs";
import { type Computing, flopsPerImage } from "pioneer-networks/torch";
import { cudaMemory, getThreads } from "pioneer-torch";
import { medianOf } from "./spread.ts";
import { isTimeForStep, type StepTime } from "./time-shares.ts";
import { createStepper, recipe, type Workload, warmUp } from "./workload.ts";

export interface StepTrial extends Workload, StepTime {
  readonly computing: Computing;
  readonly cudaGraphs?: boolean | undefined;
}

export interface StepTiming {
  readonly secondsPerStep: readonly number[];
  readonly imagesPerSecond: number;
  readonly tflops: number;
  readonly peakRssMiB: number;
  readonly threads: number;
}

/** Full training steps, faded in, on random images. */
export function timeStep({ computing, cudaGraphs = false, ...trial }: StepTrial): StepTiming {
  const { phase, batch, n } = trial;
  const stepper = createStepper(trial, computing, { cudaGraphs });
  const secondsPerStep: number[] = [];
  const began = performance.now();
  const spent = () => (performance.now() - began) / 1000;
  warmUp(stepper, trial);
  while (isTimeForStep(secondsPerStep, spent(), trial)) secondsPerStep.push(stepper.step((run) => secondsOf(run)));
  const median = medianOf(secondsPerStep);
  return {
    secondsPerStep,
    imagesPerSecond: batch / median,
    tflops: (batch * flopsPerImage({ latent: n, channels: n }, phase, recipe)) / median / 1e12,
    // Of tensors on a GPU.
    peakRssMiB: computing.device === "cpu" ? peakRssMiB() : (cudaMemory()?.peak ?? 0) / 2 ** 20,
    threads: getThreads(),
  };
}

export function secondsOf(body: () => void): number {
  const start = performance.now();
  body();
  return (performance.now() - start) / 1000;
}

/** The most memory this process ever held. */
export const peakRssMiB = (): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
