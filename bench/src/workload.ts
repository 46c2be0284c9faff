// The work that is measured: whole training steps on random images, everything random drawn outside the clock.
import {
  accv2018,
  type Computing,
  createLearner,
  disposeLearner,
  drawLatents,
  objectiveOf,
  placeLearner,
  type Recipe,
  resolutionOf,
  trainStep,
  useComputing,
} from "pioneer-networks/torch";
import { cacheMemory, RandomGenerator, rand, scope } from "pioneer-torch";

export interface Workload {
  readonly phase: number;
  readonly batch: number;
  /** Latent dimension and channels. */
  readonly n: number;
}

export const recipe: Recipe = accv2018;

export interface Stepper {
  /** Draws inputs, then runs `around` with a function that does one step and waits for the device. */
  step<T>(around: (run: () => void) => T): T;
  dispose(): void;
}

/** A learner at its beginning, faded in (the image pool is in use), in the order our trainer takes. */
export function createStepper({ phase, batch, n }: Workload, computing: Computing): Stepper {
  useComputing(computing);
  cacheMemory();
  const random = new RandomGenerator(0);
  const objective = objectiveOf(recipe);
  const learner = createLearner(recipe, { latent: n, channels: n }, 0.001, random);
  placeLearner(learner, computing.device);
  const resolution = resolutionOf(phase);
  const settings = {
    growth: { phase, alpha: 1 },
    precision: computing.precision,
    encoderOrder: "joint" as const,
  };
  return {
    step: (around) =>
      scope(() => {
        const z = () => drawLatents(batch, n, random).to(computing.device);
        const inputs = {
          x: rand([batch, 3, resolution, resolution], random, -1, 1).to(computing.device),
          zEncoder: z(),
          zGenerator: Array.from({ length: recipe.generatorSteps }, z),
          ...objective.draw({
            learner,
            growth: settings.growth,
            batch,
            own: (all) => all,
            random: () => random,
            device: computing.device,
          }),
        };
        // item() waits for the device.
        return around(() => void trainStep(objective, learner, inputs, settings).generator.item());
      }),
    dispose: () => disposeLearner(learner),
  };
}
