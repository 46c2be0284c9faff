// One training step, timed in a process of its own.
import { readFileSync } from "node:fs";
import {
  accv2018,
  type Computing,
  createLearner,
  drawLatents,
  flopsPerImage,
  resolutionOf,
  trainStep,
} from "pioneer-networks/torch";
import { cacheMemory, getThreads, RandomGenerator, rand, scope, setThreads, type Tensor } from "pioneer-torch";

export interface StepTrial {
  readonly phase: number;
  readonly batch: number;
  /** Latent dimension and channels. */
  readonly n: number;
  readonly computing: Computing;
  /** Timed steps after one that is not. */
  readonly steps: number;
}

export interface StepTiming {
  readonly secondsPerStep: readonly number[];
  readonly imagesPerSecond: number;
  readonly tflops: number;
  readonly peakRssMiB: number;
  readonly threads: number;
}

/** Full training steps, faded in, on random images. */
export function timeStep({ phase, batch, n, computing, steps }: StepTrial): StepTiming {
  setThreads(computing.threads);
  cacheMemory();
  const recipe = accv2018;
  const random = new RandomGenerator(0);
  const size = { latent: n, channels: n };
  const learner = createLearner(recipe, size, 0.001, random);
  const resolution = resolutionOf(phase);
  const settings = {
    growth: { phase, alpha: 1 },
    precision: computing.precision,
    encoderOrder: "joint" as const,
    reduce: (mean: Tensor) => mean,
  };
  const secondsPerStep: number[] = [];
  for (let step = 0; step <= steps; step++) {
    scope(() => {
      const z = () => drawLatents(batch, n, random).to(computing.device);
      const inputs = {
        x: rand([batch, 3, resolution, resolution], random, -1, 1).to(computing.device),
        zEncoder: z(),
        zGenerator: Array.from({ length: recipe.generatorSteps }, z),
        poolRandom: random,
      };
      const start = performance.now();
      // item() waits for the device.
      trainStep(learner, inputs, settings).generator?.item();
      if (step > 0) secondsPerStep.push((performance.now() - start) / 1000);
    });
  }
  const median = [...secondsPerStep].sort((a, b) => a - b)[secondsPerStep.length >> 1] as number;
  return {
    secondsPerStep,
    imagesPerSecond: batch / median,
    tflops: (batch * flopsPerImage(size, phase, recipe)) / median / 1e12,
    peakRssMiB: Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024,
    threads: getThreads(),
  };
}
