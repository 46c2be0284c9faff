import { Adam, keep, movingAverage_, noGrad, type RandomGenerator, scope, WeightCopies } from "pioneer-torch";
import type { Recipe } from "../config/recipe.ts";
import { Encoder, Generator, type NetworkSize } from "../networks/index.ts";
import { ImagePool } from "./image-pool.ts";

/** Everything that learns, and all that a checkpoint must hold to go on exactly. */
export interface Learner {
  readonly recipe: Recipe;
  readonly generator: Generator;
  readonly encoder: Encoder;
  /** Moving average of the generator's parameters. */
  readonly generatorEma: Generator;
  /** That of the encoder's, where the recipe keeps one. */
  readonly encoderEma?: Encoder | undefined;
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
    const encoderEma = recipe.averagesEncoder ? copyOf(encoder) : undefined;
    return assembleLearner(recipe, { generator, encoder, generatorEma: copyOf(generator), encoderEma }, learningRate);
  });
}

/** A learner of given networks, with fresh optimisers and an empty pool. */
export function assembleLearner(
  recipe: Recipe,
  networks: Pick<Learner, "generator" | "encoder" | "generatorEma" | "encoderEma">,
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

/** The same weights in places of their own, without gradients. */
function copyOf<Kind extends Generator | Encoder>(network: Kind): Kind {
  const Same = network.constructor as new (size: Kind["size"], kind: Kind["kind"]) => Kind;
  const copy = new Same(network.size, network.kind);
  noGrad(() => {
    for (const [name, u] of network.u) copy.u.set(name, keep(u.clone()));
    for (const [name, value] of network.parameters) copy.parameters.set(name, keep(value.detach().clone()));
  });
  return copy;
}

/** Moves the averages towards the networks. @param decay what stays of them */
export function updateAverages({ generator, encoder, generatorEma, encoderEma }: Learner, decay: number): void {
  updateEma(generatorEma, generator, decay);
  if (encoderEma) updateEma(encoderEma, encoder, decay);
}

/**
 * Moves the average towards the network: every parameter, raw weights, all phases. The u of spectral norms, which
 * follow the weights, are the network's.
 */
export function updateEma<Kind extends Generator | Encoder>(average: Kind, network: Kind, decay: number): void {
  const names = [...average.parameters.keys()];
  noGrad(() => {
    movingAverage_(
      names.map((name) => average.parameter(name)),
      names.map((name) => network.parameter(name)),
      1 - decay,
    );
    for (const [name, u] of network.u) average.u.get(name)?.copy_(u);
  });
}

/** The name of a parameter that holds an infinity or NaN; undefined where all are finite. */
export function brokenParameter({ generator, encoder, generatorEma, encoderEma }: Learner): string | undefined {
  const networks = { generator, encoder, generatorEma, ...(encoderEma && { encoderEma }) };
  for (const [network, { parameters }] of Object.entries(networks)) {
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
  learner.encoderEma?.dispose();
  learner.optimisers.generator.dispose();
  learner.optimisers.encoder.dispose();
  learner.pool.clear();
}
