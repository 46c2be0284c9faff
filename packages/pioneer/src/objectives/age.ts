// The adversarial generator-encoder game, as in section 3 of docs/algorithm.md: E learns to tell real encodings from
// generated ones and to reconstruct images; G learns to make images whose encodings look like the prior and return their
// latents. Recipes accv2018, balanced and cycle.
import { cat, noGrad, type Tensor } from "pioneer-torch";
import type { AgeRecipe } from "../config/recipe.ts";
import type { Trades } from "../learner/image-pool.ts";
import type { Learner } from "../learner/learner.ts";
import { imageMismatch, klToPrior, latentMismatch } from "../losses/index.ts";
import { resolutionOf } from "../networks/index.ts";
import { augmented, drawChanges } from "./augment.ts";
import { bothBatches } from "./both-batches.ts";
import { frozen } from "./frozen.ts";
import type {
  DrawContext,
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
  /** What the image pool swaps, once faded in; what images go through before the KL terms, with --augment. */
  readonly drawn: { readonly trades?: Trades; readonly changes?: Changes };
  readonly encoder: AgeEncoder;
  readonly generator: AgeGenerator;
}

/** Of real images, of the encoder's fakes, and of what each generator update makes; each [batch, 7]. */
interface Changes {
  readonly real: Tensor;
  readonly fake: Tensor;
  readonly generated: readonly Tensor[];
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
  draw: (context) => ({
    ...(context.growth.alpha >= 1 && {
      trades: context.learner.pool.draw(context.batch, context.random("pool"), context.device),
    }),
    ...(recipe.augment && { changes: changesOfStep(context) }),
  }),
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
  // To be inverted, what was traded away goes through E once more; with --augment all of it always does.
  fadedInDoesMore: recipe.zScaleOfEncoder > 0 && !recipe.augment,
  margin: recipe.margin,
  cosine: ({ zRecon }, latent) =>
    recipe.zMismatch === "cos" && zRecon !== undefined ? (2 - zRecon) * latent : undefined,
});

function changesOfStep({ learner, growth, batch, own, random, device }: DrawContext): Changes {
  const numbers = random("augment");
  const draw = () => own(drawChanges(batch, resolutionOf(growth.phase), numbers, device));
  const [real, fake] = [draw(), draw()];
  return { real, fake, generated: Array.from({ length: learner.recipe.generatorSteps }, draw) };
}

/** Reconstructions: in E's update forward and the backward through G; in G's updates of codes made once. */
function passesOf({ generatorSteps, zScaleOfEncoder, xScaleOfGenerator, augment }: AgeRecipe): StepPasses {
  const game = passesOfGame(generatorSteps);
  const inverts = zScaleOfEncoder > 0 ? 1 : 0;
  const reconstructs = xScaleOfGenerator > 0 ? 1 : 0;
  const more = reconstructs * generatorSteps;
  // What is compared goes through E as it is, too.
  const clean = augment ? 1 : 0;
  const cleanOfGenerator = clean * generatorSteps;
  return {
    ...game,
    encoder: {
      forward: game.encoder.forward + inverts + reconstructs + clean + cleanOfGenerator,
      toData: game.encoder.toData + inverts + clean + cleanOfGenerator,
      toWeights: game.encoder.toWeights + inverts + clean,
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
 *
 * With --augment the KL terms see T(x) and T(fake), T being random changes (augment.ts), so that E cannot tell the few real
 * images by heart. What is compared with something, G(E(x)) with x and E(G(z)) with z, goes through E unchanged. If
 * G(E(T(x))) were to be T(x), holes and shifts would be among the images that G makes, and come back in samples. If it were
 * to be x, codes would have to forget light and place, which photos then could not be reconstructed with. So E is trained
 * on clean photos as before, and costs one more pass.
 */
function encoderLoss(
  recipe: AgeRecipe,
  { encoder, generator, pool }: Learner,
  { x, zEncoder, trades, changes }: InputsOf<Age>,
  { growth, precision, encoderOrder, ranks, margin = 0 }: StepSettings,
): AgeEncoder {
  const G = (z: Tensor) => frozen(generator, growth, precision)(z);
  const made = noGrad(() => G(zEncoder));
  // The pool is that of the whole batch, and the same everywhere.
  const exchange = (given: Trades) =>
    ranks ? ranks.own(pool.exchange(ranks.gather(made), given)) : pool.exchange(made, given);
  const fake = growth.alpha >= 1 && trades ? exchange(trades) : made;

  const E = () => encoder.prepare(growth, precision, "store");
  const seen = changes ? { real: augmented(x, changes.real), fake: augmented(fake, changes.fake) } : { real: x, fake };
  const [real, generated] = bothBatches(encoderOrder, E, seen.real, seen.fake);
  const again = (images: Tensor) => encoder.prepare(growth, precision, "keep")(images);
  const reconstruction = G(changes ? again(x) : real);

  const klReal = klToPrior(real, recipe.klDirection, ranks?.moments);
  const klFake = klToPrior(generated, recipe.klDirection, ranks?.moments);
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
  const inverted = fake === made && !changes ? generated : again(made);
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
 * xScaleOfGenerator·L1(G(E(x)), x) with E(x) a constant (AGE's match_x for G, arXiv:1704.02304). With --augment the KL term
 * is that of E(T(G(z))).
 */
function generatorLoss(
  recipe: AgeRecipe,
  { encoder, generator }: Learner,
  { x, zGenerator, changes }: InputsOf<Age>,
  { growth, precision, ranks }: StepSettings,
): GeneratorUpdate<AgeGenerator> {
  /** Codes of generated images as E is to judge them, and as they are. */
  const codesOf = (images: Tensor, z: Tensor): { judged: Tensor; code: Tensor } => {
    const E = frozen(encoder, growth, precision);
    if (!changes) {
      const code = E(images);
      return { judged: code, code };
    }
    const ofUpdate = changes.generated[zGenerator.indexOf(z)] as Tensor;
    const both = E(cat([augmented(images, ofUpdate), images]));
    const count = images.size(0);
    return { judged: both.narrow(0, 0, count), code: both.narrow(0, count, count) };
  };
  const latentTerms = ({ judged, code }: { judged: Tensor; code: Tensor }, z: Tensor) => {
    const klGenerated = klToPrior(judged, recipe.klDirection, ranks?.moments);
    const zRecon = latentMismatch(code, z, recipe.zMismatch);
    const total = klGenerated.mul(recipe.klScale).add(zRecon.mul(recipe.zScale));
    return { klGenerated, zRecon, total };
  };
  if (recipe.xScaleOfGenerator === 0) {
    return (z) => {
      const codes = codesOf(generator.prepare(growth, precision, "store")(z), z);
      const { total, ...terms } = latentTerms(codes, z);
      return { loss: total, losses: { ...terms, generator: total }, values: { code: codes.code } };
    };
  }
  // E stands still while G is updated.
  const encoded = noGrad(() => frozen(encoder, growth, precision)(x));
  return (z) => {
    const made = generator.prepare(growth, precision, "store")(cat([z, encoded]));
    const codes = codesOf(made.narrow(0, 0, z.size(0)), z);
    const reconstruction = made.narrow(0, z.size(0), x.size(0));
    const xReconOfGenerator = imageMismatch(reconstruction, x, recipe.xMismatch);
    const { total, ...terms } = latentTerms(codes, z);
    const loss = total.add(xReconOfGenerator.mul(recipe.xScaleOfGenerator));
    return {
      loss,
      losses: { ...terms, xReconOfGenerator, generator: loss },
      values: { code: codes.code, regenerated: reconstruction },
    };
  };
}
