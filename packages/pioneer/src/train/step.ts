// The training step, as in section 3 of docs/algorithm.md: E learns to tell real encodings from generated ones and to
// reconstruct images; G learns to make images whose encodings look like the prior and return their latents.
import { cat, grad, noGrad, type RandomGenerator, scope, type Tensor } from "pioneer-torch";
import { cosineMismatch, klToPrior, l1, type Reduce } from "../losses/index.ts";
import type { Growth, Precision } from "../networks/index.ts";
import { type Learner, type Trained, updateEma } from "./learner.ts";

/** Real and generated images go through E one after the other, as the authors do, or as one batch (u then moves once). */
export type EncoderOrder = "authors" | "joint";

/** One batch: everything random about a step is drawn before it. */
export interface StepInputs {
  /** Real images [batch, 3, r, r] in [-1, 1], faded like the networks. */
  readonly x: Tensor;
  /** Latents [batch, latent] for the encoder's fakes, and for each generator update. */
  readonly zEncoder: Tensor;
  readonly zGenerator: readonly Tensor[];
  /** Decides what the image pool swaps. */
  readonly poolRandom: RandomGenerator;
}

export interface StepSettings {
  readonly growth: Growth;
  readonly precision: Precision;
  readonly encoderOrder: EncoderOrder;
  /** Means over all ranks; the identity on one. */
  readonly reduce: Reduce;
}

/** Loss terms as scalars without a graph. KL terms and errors carry no weights; the two totals are what was minimised. */
export interface StepLosses {
  klReal: Tensor;
  klFake: Tensor;
  xRecon: Tensor;
  encoder: Tensor;
  /** Of the last generator update. */
  klGenerated: Tensor;
  zRecon: Tensor;
  generator: Tensor;
}

/** Sees what a step does, update by update: for `verify` and tests. */
export interface StepObserver {
  /** Before the optimiser moves `network`. */
  update(
    network: Trained,
    gradients: ReadonlyMap<string, Tensor>,
    values: Readonly<Record<string, Tensor>>,
    losses: Partial<StepLosses>,
  ): void;
  /** After it did. */
  updated(network: Trained): void;
}

/** One encoder update, the generator updates, the moving average. Call it in a scope: the losses are handed out. */
export function trainStep(
  learner: Learner,
  inputs: StepInputs,
  settings: StepSettings,
  observer?: StepObserver,
): StepLosses {
  const encoderLosses = encoderUpdate(learner, inputs, settings, observer);
  let generatorLosses: GeneratorLosses | undefined;
  for (const z of inputs.zGenerator) generatorLosses = generatorUpdate(learner, z, settings, observer);
  updateEma(learner.generatorEma, learner.generator, learner.recipe.emaDecay);
  return { ...encoderLosses, ...(generatorLosses as GeneratorLosses) };
}

type EncoderLosses = Pick<StepLosses, "klReal" | "klFake" | "xRecon" | "encoder">;
type GeneratorLosses = Pick<StepLosses, "klGenerated" | "zRecon" | "generator">;

/** E minimises klScale·KL(E(x)) - klScale·KL(E(fake)) + xScale·L1(G(E(x)), x); G is frozen, gradients pass through it. */
function encoderUpdate(
  learner: Learner,
  inputs: StepInputs,
  settings: StepSettings,
  observer?: StepObserver,
): EncoderLosses {
  const { recipe, encoder, pool } = learner;
  const { growth, precision, encoderOrder, reduce } = settings;
  return scope(() => {
    const { x } = inputs;
    const faded = growth.alpha >= 1;
    const G = noGrad(() => learner.generator.prepare(growth, precision));
    const made = noGrad(() => G(inputs.zEncoder));
    const fake = faded ? pool.exchange(made, inputs.poolRandom) : made;

    let real: Tensor;
    let generated: Tensor;
    if (encoderOrder === "joint") {
      const E = encoder.prepare(growth, precision, "store");
      const codes = E(cat([x, fake]));
      real = codes.narrow(0, 0, x.size(0));
      generated = codes.narrow(0, x.size(0), fake.size(0));
    } else {
      real = encoder.prepare(growth, precision, "store")(x);
      generated = encoder.prepare(growth, precision, "store")(fake);
    }
    const reconstruction = G(real);

    const klReal = klToPrior(real, reduce);
    const klFake = klToPrior(generated, reduce);
    const xRecon = l1(reconstruction, x);
    const xScale = faded ? recipe.xScale.stable : recipe.xScale.fading;
    const loss = klReal.sub(klFake).mul(recipe.klScale).add(xRecon.mul(xScale));

    const used = encoder.used(growth);
    const gradients = grad(loss, [...used.values()]).map(reduce);
    const losses = detached({ klReal, klFake, xRecon, encoder: loss });
    observer?.update("encoder", named(used, gradients), { real, generated, reconstruction, fake }, losses);
    learner.optimisers.encoder.step(used, gradients);
    observer?.updated("encoder");
    return losses;
  });
}

/** G minimises klScale·KL(E(G(z))) + zScale·cos(E(G(z)), z); E is frozen, gradients pass through it. */
function generatorUpdate(
  learner: Learner,
  z: Tensor,
  settings: StepSettings,
  observer?: StepObserver,
): GeneratorLosses {
  const { recipe, generator, encoder } = learner;
  const { growth, precision, reduce } = settings;
  return scope(() => {
    const E = noGrad(() => encoder.prepare(growth, precision, "store"));
    const code = E(generator.prepare(growth, precision)(z));

    const klGenerated = klToPrior(code, reduce);
    const zRecon = cosineMismatch(code, z);
    const loss = klGenerated.mul(recipe.klScale).add(zRecon.mul(recipe.zScale));

    const used = generator.used(growth);
    const gradients = grad(loss, [...used.values()]).map(reduce);
    const losses = detached({ klGenerated, zRecon, generator: loss });
    observer?.update("generator", named(used, gradients), { code }, losses);
    learner.optimisers.generator.step(used, gradients, generator.copies);
    observer?.updated("generator");
    return losses;
  });
}

const named = (used: ReadonlyMap<string, Tensor>, gradients: readonly Tensor[]) =>
  new Map([...used.keys()].map((name, i) => [name, gradients[i] as Tensor]));

function detached<T extends Record<string, Tensor>>(losses: T): T {
  return Object.fromEntries(Object.entries(losses).map(([name, value]) => [name, value.detach()])) as T;
}
