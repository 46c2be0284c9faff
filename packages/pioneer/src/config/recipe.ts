// Training recipes as data: what is minimised, by which networks, with which constants. docs/recipes.md describes them.
import type { KlDirection, Mismatch } from "../losses/choices.ts";
import { type NetworkKind, pioneerKind } from "../networks/kind.ts";

/**
 * Of a moving average: its decay per step, or the share of all images shown so far over which half of it is renewed.
 * The latter follows the run: at its beginning the average forgets the random start at once.
 * @see Karras et al. 2020, StyleGAN2's ramp of the average
 */
export type EmaLength = { readonly decay: number } | { readonly halfLifeShare: number };

/** What stays of an average in a step of `batch` images, before which `shown` were shown. */
export const decayOf = (ema: EmaLength, shown: number, batch: number): number =>
  "decay" in ema ? ema.decay : 0.5 ** (batch / (ema.halfLifeShare * (shown + batch)));

interface RecipeBase {
  readonly networks: NetworkKind;
  /** Generator updates for each encoder update. */
  readonly generatorSteps: number;
  readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
  /** Share of the run, at its end, over which the learning rate falls to a tenth; 0 for never. */
  readonly lrDecay: number;
  /** How long the moving averages remember. */
  readonly ema: EmaLength;
  /** Whether the encoder is averaged too: the averaged generator then has an encoder that goes with it. */
  readonly averagesEncoder: boolean;
  /** Generated images remembered for the encoder once a block is faded in; fewer from 256x256 up. */
  readonly poolSize: { readonly below256: number; readonly from256: number };
}

/** Encoder against generator, as in PIONEER (objectives/age.ts). */
export interface AgeRecipe extends RecipeBase {
  readonly objective: "age";
  /** Weight of each KL term (the paper's are ten times all of these; docs/algorithm.md, section 3). */
  readonly klScale: number;
  readonly klDirection: KlDirection;
  /** Weight of the latent reconstruction error in an update of G, and in one of E; 0 for none. */
  readonly zScale: number;
  readonly zScaleOfEncoder: number;
  readonly zMismatch: Mismatch;
  /** Weight of the image reconstruction error while a block fades in, and afterwards. */
  readonly xScale: { readonly fading: number; readonly stable: number };
  /** The same in an update of G; 0 for none: G then never sees an image of the data. */
  readonly xScaleOfGenerator: number;
  /**
   * Reconstructions as fakes beside samples (--sharpen): the weight of their KL in an update of E, and in one of G, as a
   * multiple of klScale; 0 for never.
   */
  readonly klOfReconstructions: { readonly encoder: number; readonly generator: number };
  readonly xMismatch: Mismatch;
  /** Bound of the encoder's KL terms where the schedule says none; 0 for none. */
  readonly margin: number;
  /** Where a margin bounds the encoder's KL terms, add the KL of real codes once more. */
  readonly realm: boolean;
  /** Raises the weight of the image error to 1 + b (phase + alpha - 5) from 128x128 on; 0 for never. */
  readonly boostreco: number;
  /** Whether the KL terms see images changed at random (objectives/augment.ts). */
  readonly augment: boolean;
}

/** Discriminator against generator (objectives/wgan.ts). */
export interface WganRecipe extends RecipeBase {
  readonly objective: "wgan";
  /** Weight of the mean squared score of real images. */
  readonly driftScale: number;
  readonly gradientPenaltyScale: number;
}

export type Recipe = AgeRecipe | WganRecipe;

/** The published PIONEER (ACCV 2018). */
export const accv2018: AgeRecipe = {
  objective: "age",
  networks: pioneerKind,
  klScale: 0.1,
  klDirection: "qp",
  zScale: 100,
  zScaleOfEncoder: 0,
  zMismatch: "cos",
  xScale: { fading: 1, stable: 1.5 },
  xScaleOfGenerator: 0,
  klOfReconstructions: { encoder: 0, generator: 0 },
  xMismatch: "L1",
  margin: 0,
  realm: false,
  boostreco: 0,
  augment: false,
  generatorSteps: 2,
  adam: { beta1: 0, beta2: 0.99, epsilon: 1e-8 },
  lrDecay: 0,
  ema: { decay: 0.999 },
  averagesEncoder: false,
  poolSize: { below256: 200, from256: 100 },
};

/** Balanced PIONEER (WACV 2020, arXiv:1904.06145). Its margin belongs to the schedule. */
export const balanced: AgeRecipe = {
  ...accv2018,
  networks: { generatorNorm: "spectral", activatedCode: false, head: false },
  generatorSteps: 1,
  adam: { beta1: 0, beta2: 0.9, epsilon: 1e-8 },
};

/**
 * For runs of hours: cycle-consistent both ways. G learns from photos too (AGE's match_x for G), E learns to invert G on
 * generated images, a margin keeps the game from shrinking the codes to a cap, and both networks are averaged, by an average
 * that follows the run; Adam has a first moment, and the learning rate falls at the end. docs/training-log.md has what each
 * part brings.
 */
export const cycle: AgeRecipe = {
  ...accv2018,
  zScaleOfEncoder: 10,
  xScaleOfGenerator: 1,
  margin: 0.05,
  realm: true,
  generatorSteps: 3,
  adam: { beta1: 0.5, beta2: 0.99, epsilon: 1e-8 },
  lrDecay: 0.2,
  ema: { halfLifeShare: 0.03 },
  averagesEncoder: true,
};

/** What --sharpen sets; docs/training-log.md has other weights. */
const sharpening: AgeRecipe["klOfReconstructions"] = { encoder: 0.5, generator: 1 };

/** The progressive WGAN-GP baseline of the authors' code: D is the encoder with a linear head. */
export const gan: WganRecipe = {
  objective: "wgan",
  networks: { ...pioneerKind, head: true },
  driftScale: 0.001,
  gradientPenaltyScale: 10,
  generatorSteps: accv2018.generatorSteps,
  adam: accv2018.adam,
  lrDecay: 0,
  ema: accv2018.ema,
  averagesEncoder: false,
  poolSize: accv2018.poolSize,
};

export const recipes = { accv2018, balanced, cycle, gan } as const;

export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as [RecipeName, ...RecipeName[]];

/** What a configuration may set of a recipe; what it leaves open is the recipe's. */
export interface RecipeOptions {
  readonly recipe: RecipeName;
  readonly channelProfile?: number | undefined;
  readonly emaDecay?: number | undefined;
  readonly adamBeta1?: number | undefined;
  readonly lrDecay?: number | undefined;
  readonly generatorSteps?: number | undefined;
  readonly klDirection?: KlDirection | undefined;
  readonly xMismatch?: Mismatch | undefined;
  readonly zMismatch?: Mismatch | undefined;
  readonly realm?: boolean | undefined;
  readonly boostreco?: number | undefined;
  readonly augment?: boolean | undefined;
  readonly sharpen?: boolean | undefined;
}

/** The recipe of a run, with what its configuration sets itself. */
export function recipeOf(options: RecipeOptions): Recipe {
  const recipe: Recipe = recipes[options.recipe];
  const { channelProfile, emaDecay, adamBeta1, generatorSteps = recipe.generatorSteps } = options;
  const common = {
    networks: channelProfile === undefined ? recipe.networks : { ...recipe.networks, channelBase: channelProfile },
    generatorSteps,
    adam: adamBeta1 === undefined ? recipe.adam : { ...recipe.adam, beta1: adamBeta1 },
    lrDecay: options.lrDecay ?? recipe.lrDecay,
    ema: emaDecay === undefined ? recipe.ema : { decay: emaDecay },
  };
  if (recipe.objective === "wgan") return { ...recipe, ...common };
  const { klDirection, xMismatch, zMismatch, realm, boostreco, augment, sharpen } = options;
  return {
    ...recipe,
    ...common,
    klDirection: klDirection ?? recipe.klDirection,
    xMismatch: xMismatch ?? recipe.xMismatch,
    zMismatch: zMismatch ?? recipe.zMismatch,
    realm: realm || recipe.realm,
    boostreco: boostreco ?? recipe.boostreco,
    augment: augment || recipe.augment,
    klOfReconstructions: sharpen ? sharpening : recipe.klOfReconstructions,
  };
}
