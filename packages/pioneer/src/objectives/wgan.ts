// WGAN-GP: D, the encoder with its head, learns to score real images above generated ones with a slope of 1; G learns to
// be scored high. Recipe gan.
import { noGrad, rand, type Tensor, upload } from "pioneer-torch";
import type { WganRecipe } from "../config/recipe.ts";
import type { Learner } from "../learner/learner.ts";
import { between, gradientPenalty } from "../losses/index.ts";
import { composedPasses } from "../networks/index.ts";
import { bothBatches } from "./both-batches.ts";
import { frozenJudge } from "./frozen.ts";
import type { GeneratorUpdate, InputsOf, Minimised, Objective, ObjectiveTypes, StepSettings } from "./objective.ts";
import { passesOfGame } from "./passes.ts";

export interface Wgan extends ObjectiveTypes {
  /** Uniform in [0, 1), [batch, 1, 1, 1]: where between x and the fakes the gradient penalty is taken. */
  readonly drawn: { readonly blend: Tensor };
  readonly encoder: Critic;
  readonly generator: WganGenerator;
}

interface Critic extends Minimised {
  readonly losses: CriticTerms & { readonly critic: Tensor };
  readonly values: {
    readonly real: Tensor;
    readonly generated: Tensor;
    readonly fake: Tensor;
    readonly middle: Tensor;
  };
}

type CriticTerms = Readonly<Record<"scoreReal" | "scoreFake" | "drift" | "gradientPenalty", Tensor>>;

interface WganGenerator extends Minimised {
  readonly losses: { readonly scoreGenerated: Tensor; readonly generator: Tensor };
  readonly values: { readonly score: Tensor };
}

export const wganObjective = (recipe: WganRecipe): Objective<Wgan> => ({
  draw: ({ batch, own, random, device }) => ({ blend: upload(own(rand([batch, 1, 1, 1], random("blend"))), device) }),
  encoder: (learner, inputs, settings) => criticLoss(recipe, learner, inputs, settings),
  generator: generatorLoss,
  losses: (ofCritic, ofGenerator) => ({ ...ofCritic, ...ofGenerator }),
  repeats: () => true,
  // The image of the penalty goes forward, back to its pixels, and both of these back again; in float32.
  passes: () => ({ ...passesOfGame(recipe.generatorSteps), exactEncoder: 6 }),
  fadedInDoesMore: false,
  margin: 0,
  cosine: () => undefined,
});

/** The head's first output; the second, for a label, is unused. [batch, 2] -> [batch] */
const scoreOf = (judged: Tensor): Tensor => judged.select(1, 0);

/** D minimises -mean D(x) + drift·mean D(x)² + mean D(G(z)) + penalty·mean (|grad D(between)| - 1)²; no gradient to G. */
function criticLoss(
  recipe: WganRecipe,
  { encoder, generator }: Learner,
  { x, zEncoder, blend }: InputsOf<Wgan>,
  { growth, precision, encoderOrder }: StepSettings,
): Critic {
  const fake = noGrad(() => generator.prepare(growth, precision, "store")(zEncoder));
  const D = () => {
    const judge = encoder.prepareJudge(growth, precision, "store");
    return (images: Tensor) => scoreOf(judge(images));
  };
  const [real, generated] = bothBatches(encoderOrder, D, x, fake);
  // A derivative of a derivative: of plain operators, and not in bfloat16, whose noise would swamp it.
  const exact = encoder.prepareJudge(growth, precision === "bf16" ? "fp32" : precision, "store", composedPasses);
  const middle = noGrad(() => between(x, fake, blend));

  const terms = {
    scoreReal: real.mean(),
    scoreFake: generated.mean(),
    drift: real.square().mean(),
    gradientPenalty: gradientPenalty((image) => scoreOf(exact(image)), middle),
  };
  const loss = criticTotal(recipe, terms);
  return { loss, losses: { ...terms, critic: loss }, values: { real, generated, fake, middle } };
}

/** The discriminator's terms, weighted and added. */
export function criticTotal({ driftScale, gradientPenaltyScale }: WganRecipe, terms: CriticTerms): Tensor {
  const { scoreReal, scoreFake, drift, gradientPenalty: penalty } = terms;
  return scoreFake.sub(scoreReal).add(drift.mul(driftScale)).add(penalty.mul(gradientPenaltyScale));
}

/** G minimises -mean D(G(z)); D is frozen, gradients pass through it. */
function generatorLoss(
  { encoder, generator }: Learner,
  _inputs: InputsOf<Wgan>,
  { growth, precision }: StepSettings,
): GeneratorUpdate<WganGenerator> {
  return (z) => {
    const D = frozenJudge(encoder, growth, precision);
    const score = scoreOf(D(generator.prepare(growth, precision, "store")(z)));
    const scoreGenerated = score.mean();
    const loss = scoreGenerated.neg();
    return { loss, losses: { scoreGenerated, generator: loss }, values: { score } };
  };
}
