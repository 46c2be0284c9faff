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
  /** Where they are fakes too: of E's reconstructions, and of those of each generator update. */
  readonly reconstruction?: Tensor;
  readonly regenerated?: readonly Tensor[];
}

interface AgeEncoder extends Minimised {
  readonly losses: {
    readonly klReal: Tensor;
    readonly klFake: Tensor;
    /** Where the recipe wants it, as all that may be left out. */
    readonly klReconstruction?: Tensor;
    readonly xRecon: Tensor;
    readonly zReconOfEncoder?: Tensor;
    readonly encoder: Tensor;
  };
  readonly values: {
    readonly real: Tensor;
    readonly generated: Tensor;
    readonly reconstruction: Tensor;
    readonly fake: Tensor;
    readonly judgedReconstruction?: Tensor;
    readonly inverted?: Tensor;
  };
}

interface AgeGenerator extends Minimised {
  readonly losses: {
    readonly klGenerated: Tensor;
    readonly klReconstructionOfGenerator?: Tensor;
    readonly zRecon: Tensor;
    readonly xReconOfGenerator?: Tensor;
    readonly generator: Tensor;
  };
  readonly values: { readonly code: Tensor; readonly regenerated?: Tensor; readonly reconstructed?: Tensor };
}

export const ageObjective = (recipe: AgeRecipe): Objective<Age> => ({
  draw: (context) => ({
    ...(context.growth.alpha >= 1 && {
      trades: context.learner.pool.draw(context.batch, context.random("pool"), context.device),
    }),
    ...(recipe.augment && { changes: changesOfStep(recipe, context) }),
  }),
  encoder: (learner, inputs, settings) => encoderLoss(recipe, learner, inputs, settings),
  generator: (learner, inputs, settings) => generatorLoss(recipe, learner, inputs, settings),
  losses: (
    { klReal, klFake, klReconstruction, xRecon, zReconOfEncoder, encoder },
    { klGenerated, klReconstructionOfGenerator, zRecon, xReconOfGenerator, generator },
  ) => ({
    klReal,
    klFake,
    ...(klReconstruction && { klReconstruction }),
    klGenerated,
    ...(klReconstructionOfGenerator && { klReconstructionOfGenerator }),
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

function changesOfStep(recipe: AgeRecipe, { growth, batch, own, random, device }: DrawContext): Changes {
  const numbers = random("augment");
  const draw = () => own(drawChanges(batch, resolutionOf(growth.phase), numbers, device));
  const ofUpdates = () => Array.from({ length: recipe.generatorSteps }, draw);
  const { encoder, generator } = recipe.klOfReconstructions;
  return {
    real: draw(),
    fake: draw(),
    generated: ofUpdates(),
    ...(encoder > 0 && { reconstruction: draw() }),
    ...(generator > 0 && { regenerated: ofUpdates() }),
  };
}

/** Reconstructions: in E's update forward and the backward through G; in G's updates of codes made once. */
function passesOf(recipe: AgeRecipe): StepPasses {
  const { generatorSteps, zScaleOfEncoder, klOfReconstructions, augment } = recipe;
  const game = passesOfGame(generatorSteps);
  const inverts = zScaleOfEncoder > 0 ? 1 : 0;
  const reconstructs = reconstructsInG(recipe) ? 1 : 0;
  const more = reconstructs * generatorSteps;
  // What is compared goes through E as it is, too.
  const clean = augment ? 1 : 0;
  const judged = klOfReconstructions.encoder > 0 ? 1 : 0;
  const ofEncoder = inverts + clean + judged;
  const ofGenerator = (clean + (klOfReconstructions.generator > 0 ? 1 : 0)) * generatorSteps;
  return {
    ...game,
    encoder: {
      forward: game.encoder.forward + ofEncoder + reconstructs + ofGenerator,
      toData: game.encoder.toData + ofEncoder + ofGenerator,
      toWeights: game.encoder.toWeights + ofEncoder,
    },
    generator: {
      forward: game.generator.forward + 1 + more,
      toData: game.generator.toData + 1 + more,
      toWeights: game.generator.toWeights + more,
    },
  };
}

/** Whether generator updates reconstruct the step's images. */
const reconstructsInG = ({ xScaleOfGenerator, klOfReconstructions }: AgeRecipe): boolean =>
  xScaleOfGenerator > 0 || klOfReconstructions.generator > 0;

/**
 * E minimises klScale·KL(E(x)) - klScale·KL(E(fake)) + xScale·L1(G(E(x)), x); G is frozen, gradients pass through it.
 * A margin m bounds the two KL terms from below by -m. Recipe cycle adds zScaleOfEncoder·cos(E(G(z)), z): E learns to
 * invert G. With --sharpen reconstructions are fakes too, with a bound of their own (IntroVAE, arXiv:1807.06358, equation
 * 11): it adds klOfReconstructions.encoder·(klScale·KL(E(x)) - klScale·KL(E(G(E(x))))). Without that an image error alone
 * judges them, and they stay smooth however crisp samples are.
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
  const seen = changedBy(changes?.real, x);
  const [real, generated] = bothBatches(encoderOrder, E, seen, changedBy(changes?.fake, fake));
  const again = (images: Tensor) => encoder.prepare(growth, precision, "keep")(images);
  const reconstruction = G(changes ? again(x) : real);

  const klOf = (codes: Tensor) => klToPrior(codes, recipe.klDirection, ranks?.moments);
  const klReal = klOf(real);
  const klFake = klOf(generated);
  const judgedReconstruction =
    recipe.klOfReconstructions.encoder > 0
      ? again(changedBy(changes?.reconstruction, reconstruction.detach()))
      : undefined;
  const klReconstruction = judgedReconstruction && klOf(judgedReconstruction);
  const xRecon = imageMismatch(reconstruction, x, recipe.xMismatch);
  const terms = { klReal, klFake, ...(klReconstruction && { klReconstruction }), xRecon };
  const total = encoderTotal(recipe, terms, growth, margin);
  const values = { real, generated, reconstruction, fake, ...(judgedReconstruction && { judgedReconstruction }) };
  if (recipe.zScaleOfEncoder === 0) return { loss: total, losses: { ...terms, encoder: total }, values };
  // What the pool gives back is no longer what was made of these latents.
  const inverted = fake === made && !changes ? generated : again(made);
  const zReconOfEncoder = latentMismatch(inverted, zEncoder, recipe.zMismatch);
  const loss = total.add(zReconOfEncoder.mul(recipe.zScaleOfEncoder));
  return { loss, losses: { ...terms, zReconOfEncoder, encoder: loss }, values: { ...values, inverted } };
}

const changedBy = (changes: Tensor | undefined, images: Tensor): Tensor =>
  changes ? augmented(images, changes) : images;

/** The encoder's terms, weighted and added. @param margin bound of the KL terms; 0 for none */
export function encoderTotal(
  { klScale, xScale, klOfReconstructions, realm, boostreco }: AgeRecipe,
  { klReal, klFake, klReconstruction, xRecon }: Omit<AgeEncoder["losses"], "zReconOfEncoder" | "encoder">,
  { phase, alpha }: StepSettings["growth"],
  margin: number,
): Tensor {
  const boost = 1 + Math.max(0, (phase + alpha - 5) * boostreco);
  const image = xRecon.mul(boost * (alpha >= 1 ? xScale.stable : xScale.fading));
  const bounded = (kl: Tensor) => (margin === 0 ? kl : kl.clamp(-margin, null));
  const against = (fakes: Tensor) => bounded(klReal.sub(fakes).mul(klScale));
  let total = against(klFake).add(image);
  if (klReconstruction) total = total.add(against(klReconstruction).mul(klOfReconstructions.encoder));
  return realm && margin !== 0 ? total.add(klReal.mul(klScale)) : total;
}

/**
 * G minimises klScale·KL(E(G(z))) + zScale·cos(E(G(z)), z); E is frozen, gradients pass through it. Recipe cycle adds
 * xScaleOfGenerator·L1(G(E(x)), x) with E(x) a constant (AGE's match_x for G, arXiv:1704.02304), --sharpen of the same
 * reconstructions klScale·klOfReconstructions.generator·KL(E(G(E(x)))): E is not to tell them from images either. With
 * --augment the KL terms see T(G(.)).
 */
function generatorLoss(
  recipe: AgeRecipe,
  { encoder, generator }: Learner,
  { x, zGenerator, changes }: InputsOf<Age>,
  { growth, precision, ranks }: StepSettings,
): GeneratorUpdate<AgeGenerator> {
  const klOf = (codes: Tensor) => klToPrior(codes, recipe.klDirection, ranks?.moments);
  const klShare = recipe.klOfReconstructions.generator;
  // E stands still while G is updated.
  const encoded = reconstructsInG(recipe) ? noGrad(() => frozen(encoder, growth, precision)(x)) : undefined;

  /** Codes of samples as E judges them and as they are; of reconstructions as it judges them, where it does. */
  const codesOf = (samples: Tensor, reconstructions: Tensor | undefined, update: number) => {
    const E = frozen(encoder, growth, precision);
    const images = [
      changedBy(changes?.generated[update], samples),
      ...(reconstructions ? [changedBy(changes?.regenerated?.[update], reconstructions)] : []),
      // Where changes were made, what is compared goes through E as it is.
      ...(changes ? [samples] : []),
    ];
    const codes = E(images.length > 1 ? cat(images) : samples);
    const [count, all] = [samples.size(0), codes.size(0)];
    const rows = (first: number, size: number) => (size < all ? codes.narrow(0, first, size) : codes);
    const judged = rows(0, count);
    return {
      judged,
      code: changes ? rows(all - count, count) : judged,
      reconstructed: reconstructions && rows(count, reconstructions.size(0)),
    };
  };

  return (z) => {
    const made = generator.prepare(growth, precision, "store")(encoded ? cat([z, encoded]) : z);
    const samples = encoded ? made.narrow(0, 0, z.size(0)) : made;
    const regenerated = encoded && made.narrow(0, z.size(0), x.size(0));
    const judgedToo = klShare > 0 ? regenerated : undefined;
    const { judged, code, reconstructed } = codesOf(samples, judgedToo, zGenerator.indexOf(z));

    const klGenerated = klOf(judged);
    const zRecon = latentMismatch(code, z, recipe.zMismatch);
    const klReconstructionOfGenerator = reconstructed && klOf(reconstructed);
    const xReconOfGenerator = regenerated && imageMismatch(regenerated, x, recipe.xMismatch);
    let loss = klGenerated.mul(recipe.klScale).add(zRecon.mul(recipe.zScale));
    if (xReconOfGenerator) loss = loss.add(xReconOfGenerator.mul(recipe.xScaleOfGenerator));
    if (klReconstructionOfGenerator) loss = loss.add(klReconstructionOfGenerator.mul(recipe.klScale * klShare));
    return {
      loss,
      losses: {
        klGenerated,
        ...(klReconstructionOfGenerator && { klReconstructionOfGenerator }),
        zRecon,
        ...(xReconOfGenerator && { xReconOfGenerator }),
        generator: loss,
      },
      values: { code, ...(regenerated && { regenerated }), ...(reconstructed && { reconstructed }) },
    };
  };
}
