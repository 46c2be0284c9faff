import type { StepPasses } from "./objective.ts";

/**
 * What every game of the two networks takes. E: forwards of real and fake, both backwards of each, then per generator update a
 * forward and the backward to its input. G: fake, then per update a forward and both backwards.
 */
export const passesOfGame = (updates: number): StepPasses => ({
  encoder: { forward: 2 + updates, toData: 2 + updates, toWeights: 2 },
  generator: { forward: 1 + updates, toData: updates, toWeights: updates },
  exactEncoder: 0,
});
