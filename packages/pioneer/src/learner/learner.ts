import { Adam, keep, movingAverage_, noGrad, type RandomGenerator, scope, WeightCopies } from "pioneer-torch";
import type { Recipe } from "../config/recipe.ts";
import { Encoder, Generator, type NetworkSize } from "../networks/index.ts";
import { ImagePool } from "./image-pool.ts";

/** Everything that learns, and all that a checkpoint must hold to go on exactly. */
export interface Learner {
  readonly recipe: Recipe;
  readonly generator: Generator;
  readonly encoder: Encoder;
  /** Moving average of the generator's parameters; used for all pictures. */
  readonly generatorEma: Generator;
  readonly optimisers: { readonly generator: Adam; readonly encoder: Adam };
  readonly pool: ImagePool;
}

/** A learner at its beginning: random networks, the average a copy of the generator. */
export function createLearner(
  recipe: Recipe,
  size: NetworkSize,
  learningRate: number,
  random: RandomGenerator,
): Learner {
  return scope(() => {
    const generator = Generator.create(size, random, recipe.networks);
    const encoder = Encoder.create(size, random, recipe.networks);
    return assembleLearner(recipe, { generator, encoder, generatorEma: copyOf(generator) }, learningRate);
  });
}

/** A learner of given networks, with fresh optimisers and an empty pool. */
export function assembleLearner(
  recipe: Recipe,
  networks: { generator: Generator; encoder: Encoder; generatorEma: Generator },
  learningRate: number,
): Learner {
  const adam = () => new Adam({ learningRate, ...recipe.adam });
  networks.generator.copies ??= new WeightCopies();
  return {
    recipe,
    ...networks,
    optimisers: { generator: adam(), encoder: adam() },
    pool: new ImagePool(recipe.poolSize.below256),
  };
}

export function copyOf(generator: Generator): Generator {
  const copy = new Generator(generator.size, generator.kind);
  noGrad(() => {
    for (const [name, u] of generator.u) copy.u.set(name, keep(u.clone()));
    for (const [name, value] of generator.parameters) copy.parameters.set(name, keep(value.detach().clone()));
  });
  return copy;
}

/**
 * Moves the average towards the generator: every parameter, raw weights, all phases. The u of spectral norms, which
 * follow the weights, are the generator's.
 */
export function updateEma(average: Generator, generator: Generator, decay: number): void {
  const names = [...average.parameters.keys()];
  noGrad(() => {
    movingAverage_(
      names.map((name) => average.parameter(name)),
      names.map((name) => generator.parameter(name)),
      1 - decay,
    );
    for (const [name, u] of generator.u) average.u.get(name)?.copy_(u);
  });
}

/** The name of a parameter that holds an infinity or NaN; undefined where all are finite. */
export function brokenParameter({ generator, encoder }: Learner): string | undefined {
  for (const [network, { parameters }] of Object.entries({ generator, encoder })) {
    for (const [name, value] of parameters) {
      if (scope(() => value.isFinite().all().item()) === 0) return `${network}.${name}`;
    }
  }
  return undefined;
}

/** Networks that are trained: both, not the average. */
export type Trained = "generator" | "encoder";

export function disposeLearner(learner: Learner): void {
  learner.generator.dispose();
  learner.encoder.dispose();
  learner.generatorEma.dispose();
  learner.optimisers.generator.dispose();
  learner.optimisers.encoder.dispose();
  learner.pool.clear();
}
