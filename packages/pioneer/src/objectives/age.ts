// The adversarial generator-encoder game, as in section 3 of docs/algorithm.md: E learns to tell real encodings from
// generated ones and to reconstruct images; G learns to make images whose encodings look like the prior and return their
// latents. Recipes accv2018, balanced and cycle.
import { cat, noGrad, type Tensor } from "pioneer-torch";
import type { AgeRecipe } from "../config/recipe.ts";
import type { Trades } from "../learner/image-pool.ts";
import type { Learner } from "../learner/learner.ts";
import { imageMismatch, klToPrior, latentMismatch } from "../losses/index.ts";
import { bothBatches } from "./both-batches.ts";
import { frozen } from "./frozen.ts";
import type {
  GeneratorUpdate,
  InputsOf,
  Minimised,
  Objective,
  ObjectiveTypes,
  StepPasses,
  StepSettings,
} from "./objective.ts";
import { passesOfGame } from "./passes.ts";

export interface Age extends ObjectiveTypes {
  /** What the image pool swaps, once faded in. */
  readonly drawn: { readonly trades?: Trades };
  readonly encoder: AgeEncoder;
  readonly generator: AgeGenerator;
}

interface AgeEncoder extends Minimised {
  readonly losses: {
    readonly klReal: Tensor;
    readonly klFake: Tensor;
    readonly xRecon: Tensor;
    /** Where the recipe wants it, as all that may be left out. */
    readonly zReconOfEncoder?: Tensor;
    readonly encoder: Tensor;
  };
  readonly values: {
    readonly real: Tensor;
    readonly generated: Tensor;
    readonly reconstruction: Tensor;
    readonly fake: Tensor;
    readonly inverted?: Tensor;
  };
}

interface AgeGenerator extends Minimised {
  readonly losses: {
    readonly klGenerated: Tensor;
    readonly zRecon: Tensor;
    readonly xReconOfGenerator?: Tensor;
    readonly generator: Tensor;
  };
  readonly values: { readonly code: Tensor; readonly regenerated?: Tensor };
}

export const ageObjective = (recipe: AgeRecipe): Objective<Age> => ({
  draw: ({ learner: { pool }, growth, batch, random, device }) =>
    growth.alpha >= 1 ? { trades: pool.draw(batch, random("pool"), device) } : {},
  encoder: (learner, inputs, settings) => encoderLoss(recipe, learner, inputs, settings),
  generator: (learner, inputs, settings) => generatorLoss(recipe, learner, inputs, settings),
  losses: (
    { klReal, klFake, xRecon, zReconOfEncoder, encoder },
    { klGenerated, zRecon, xReconOfGenerator, generator },
  ) => ({
    klReal,
    klFake,
    klGenerated,
    xRecon,
    zRecon,
    ...(xReconOfGenerator && { xReconOfGenerator }),
    ...(zReconOfEncoder && { zReconOfEncoder }),
    encoder,
    generator,
  }),
  // While the pool fills, what it holds grows.
  repeats: ({ pool }, { trades }) => !trades || pool.isFull,
  passes: () => passesOf(recipe),
  // To be inverted, what was traded away goes through E once more.
  fadedInDoesMore: recipe.zScaleOfEncoder > 0,
  margin: recipe.margin,
  cosine: ({ zRecon }, latent) =>
    recipe.zMismatch === "cos" && zRecon !== undefined ? (2 - zRecon) * latent : undefined,
});

/** Reconstructions: in E's update forward and the backward through G; in G's updates of codes made once. */
function passesOf({ generatorSteps, zScaleOfEncoder, xScaleOfGenerator }: AgeRecipe): StepPasses {
  const game = passesOfGame(generatorSteps);
  const inverts = zScaleOfEncoder > 0 ? 1 : 0;
  const reconstructs = xScaleOfGenerator > 0 ? 1 : 0;
  const more = reconstructs * generatorSteps;
  return {
    ...game,
    encoder: {
      forward: game.encoder.forward + inverts + reconstructs,
      toData: game.encoder.toData + inverts,
      toWeights: game.encoder.toWeights + inverts,
    },
    generator: {
      forward: game.generator.forward + 1 + more,
      toData: game.generator.toData + 1 + more,
      toWeights: game.generator.toWeights + more,
    },
  };
}

/**
 * E minimises klScale·KL(E(x)) - klScale·KL(E(fake)) + xScale·L1(G(E(x)), x); G is frozen, gradients pass through it.
 * A margin m bounds the two KL terms from below by -m. Recipe cycle adds zScaleOfEncoder·cos(E(G(z)), z): E learns to
 * invert G.
 */
function encoderLoss(
  recipe: AgeRecipe,
  { encoder, generator, pool }: Learner,
  { x, zEncoder, trades }: InputsOf<Age>,
  { growth, precision, encoderOrder, reduce, margin = 0 }: StepSettings,
): AgeEncoder {
  const G = (z: Tensor) => frozen(generator, growth, precision)(z);
  const made = noGrad(() => G(zEncoder));
  const fake = growth.alpha >= 1 && trades ? pool.exchange(made, trades) : made;

  const E = () => encoder.prepare(growth, precision, "store");
  const [real, generated] = bothBatches(encoderOrder, E, x, fake);
  const reconstruction = G(real);

  const klReal = klToPrior(real, reduce, recipe.klDirection);
  const klFake = klToPrior(generated, reduce, recipe.klDirection);
  const xRecon = imageMismatch(reconstruction, x, recipe.xMismatch);
  const total = encoderTotal(recipe, { klReal, klFake, xRecon }, growth, margin);
  if (recipe.zScaleOfEncoder === 0) {
    return {
      loss: total,
      losses: { klReal, klFake, xRecon, encoder: total },
      values: { real, generated, reconstruction, fake },
    };
  }
  // What the pool gives back is no longer what was made of these latents.
  const inverted = fake === made ? generated : encoder.prepare(growth, precision, "keep")(made);
  const zReconOfEncoder = latentMismatch(inverted, zEncoder, recipe.zMismatch);
  const loss = total.add(zReconOfEncoder.mul(recipe.zScaleOfEncoder));
  return {
    loss,
    losses: { klReal, klFake, xRecon, zReconOfEncoder, encoder: loss },
    values: { real, generated, reconstruction, fake, inverted },
  };
}

/** The encoder's terms, weighted and added. @param margin bound of the KL terms; 0 for none */
export function encoderTotal(
  { klScale, xScale, realm, boostreco }: AgeRecipe,
  { klReal, klFake, xRecon }: { klReal: Tensor; klFake: Tensor; xRecon: Tensor },
  { phase, alpha }: StepSettings["growth"],
  margin: number,
): Tensor {
  const boost = 1 + Math.max(0, (phase + alpha - 5) * boostreco);
  const image = xRecon.mul(boost * (alpha >= 1 ? xScale.stable : xScale.fading));
  const kl = klReal.sub(klFake).mul(klScale);
  if (margin === 0) return kl.add(image);
  const bounded = kl.clamp(-margin, null).add(image);
  return realm ? bounded.add(klReal.mul(klScale)) : bounded;
}

/**
 * G minimises klScale·KL(E(G(z))) + zScale·cos(E(G(z)), z); E is frozen, gradients pass through it. Recipe cycle adds
 * xScaleOfGenerator·L1(G(E(x)), x) with E(x) a constant (AGE's match_x for G, arXiv:1704.02304).
 */
function generatorLoss(
  recipe: AgeRecipe,
  { encoder, generator }: Learner,
  { x }: InputsOf<Age>,
  { growth, precision, reduce }: StepSettings,
): GeneratorUpdate<AgeGenerator> {
  const latentTerms = (code: Tensor, z: Tensor) => {
    const klGenerated = klToPrior(code, reduce, recipe.klDirection);
    const zRecon = latentMismatch(code, z, recipe.zMismatch);
    const total = klGenerated.mul(recipe.klScale).add(zRecon.mul(recipe.zScale));
    return { klGenerated, zRecon, total };
  };
  if (recipe.xScaleOfGenerator === 0) {
    return (z) => {
      const E = frozen(encoder, growth, precision);
      const code = E(generator.prepare(growth, precision, "store")(z));
      const { total, ...terms } = latentTerms(code, z);
      return { loss: total, losses: { ...terms, generator: total }, values: { code } };
    };
  }
  // E stands still while G is updated.
  const encoded = noGrad(() => frozen(encoder, growth, precision)(x));
  return (z) => {
    const E = frozen(encoder, growth, precision);
    const made = generator.prepare(growth, precision, "store")(cat([z, encoded]));
    const code = E(made.narrow(0, 0, z.size(0)));
    const reconstruction = made.narrow(0, z.size(0), x.size(0));
    const xReconOfGenerator = imageMismatch(reconstruction, x, recipe.xMismatch);
    const { total, ...terms } = latentTerms(code, z);
    const loss = total.add(xReconOfGenerator.mul(recipe.xScaleOfGenerator));
    return {
      loss,
      losses: { ...terms, xReconOfGenerator, generator: loss },
      values: { code, regenerated: reconstruction },
    };
  };
}
