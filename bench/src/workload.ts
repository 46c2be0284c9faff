// The work that is measured: whole training steps on random images, everything random drawn outside the clock.
import {
  accv2018,
  CapturedSteps,
  type Computing,
  createLearner,
  disposeLearner,
  drawLatents,
  objectiveOf,
  overRanks,
  placeLearner,
  type Recipe,
  resolutionOf,
  shareOf,
  trainStep,
  useComputing,
} from "pioneer-networks/torch";
import { cacheMemory, enterGraphStream, RandomGenerator, type Ranks, rand, scope } from "pioneer-torch";
import { isWarmUp, type StepTime } from "./time-shares.ts";

export interface Workload {
  readonly phase: number;
  readonly batch: number;
  /** Latent dimension and channels. */
  readonly n: number;
}

export const recipe: Recipe = accv2018;

/** One process of several. */
export interface OneOfRanks {
  readonly ranks: Ranks;
  /** Where false it takes its share of the batch, and sums nothing. */
  readonly sums: boolean;
}

export interface Stepper {
  /** Numbers in the gradient of each update of a step: of the encoder's, then of the generator's. */
  readonly updates: readonly number[];
  /** Steps before one is like those after it. */
  readonly warmUp: number;
  /** Draws inputs, then runs `around` with a function that does one step, waits for the device and gives the generator's loss. */
  step<T>(around: (run: () => number) => T): T;
  dispose(): void;
}

/**
 * A learner at its beginning, faded in (the image pool is in use), in the order our trainer takes.
 * @param one where several processes share the batch
 * @param cudaGraphs whether a step is recorded, and then launched as one
 */
export function createStepper(
  { phase, batch, n }: Workload,
  computing: Computing,
  { one, cudaGraphs = false }: { readonly one?: OneOfRanks; readonly cudaGraphs?: boolean } = {},
): Stepper {
  useComputing(computing);
  cacheMemory();
  // Before anything lies on the device.
  if (cudaGraphs) enterGraphStream();
  const random = new RandomGenerator(0);
  // All ranks draw the same trades of the pool, however many images they take.
  const ofAll = new RandomGenerator(1);
  const objective = objectiveOf(recipe);
  const learner = createLearner(recipe, { latent: n, channels: n }, 0.001, random);
  placeLearner(learner, computing.device);
  const resolution = resolutionOf(phase);
  const images = one ? shareOf(batch, one.ranks).count : batch;
  const over = one?.sums ? overRanks(one.ranks, batch) : undefined;
  const settings = {
    growth: { phase, alpha: 1 },
    precision: computing.precision,
    encoderOrder: "joint" as const,
    ranks: over,
  };
  const captured = cudaGraphs
    ? new CapturedSteps(objective, learner, (text) => {
        throw new Error(text); // what is timed would be steps without graphs
      })
    : undefined;
  const used = (network: "encoder" | "generator") =>
    [...learner[network].used(settings.growth).values()].reduce((sum, { length }) => sum + length, 0);
  return {
    updates: [used("encoder"), ...Array<number>(recipe.generatorSteps).fill(used("generator"))],
    // Some are computed before one is recorded; the fifth is the second launch.
    warmUp: cudaGraphs ? 5 : 1,
    step: (around) =>
      scope(() => {
        const z = () => drawLatents(images, n, random).to(computing.device);
        const inputs = {
          x: rand([images, 3, resolution, resolution], random, -1, 1).to(computing.device),
          zEncoder: z(),
          zGenerator: Array.from({ length: recipe.generatorSteps }, z),
          ...objective.draw({
            learner,
            growth: settings.growth,
            batch: over ? batch : images,
            own: (all) => over?.own(all) ?? all,
            random: () => ofAll,
            device: computing.device,
          }),
        };
        const losses = () =>
          captured ? captured.run(inputs, settings) : trainStep(objective, learner, inputs, settings);
        // item() waits for the device.
        return around(() => losses().generator.item());
      }),
    dispose() {
      captured?.dispose();
      disposeLearner(learner);
    },
  };
}

/** Steps until one is like those after it. */
export function warmUp(stepper: Stepper, time: Pick<StepTime, "leastSeconds">): void {
  const began = performance.now();
  const spent = () => (performance.now() - began) / 1000;
  for (let done = 0; isWarmUp(done, stepper.warmUp, spent(), time); done++) stepper.step((run) => run());
}
