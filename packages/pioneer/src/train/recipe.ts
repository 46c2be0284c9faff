/** The constants of a training recipe. */
export interface Recipe {
  /** Weight of each KL term (the paper's are ten times all of these; ALGORITHM section 3). */
  readonly klScale: number;
  /** Weight of the latent reconstruction error. */
  readonly zScale: number;
  /** Weight of the image reconstruction error while a block fades in, and afterwards. */
  readonly xScale: { readonly fading: number; readonly stable: number };
  /** Generator updates for each encoder update. */
  readonly generatorSteps: number;
  readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
  /** Decay of the generator's moving average, per step. */
  readonly emaDecay: number;
  /** Generated images remembered for the encoder once a block is faded in; fewer from 256x256 up. */
  readonly poolSize: { readonly below256: number; readonly from256: number };
}

/** The published PIONEER (ACCV 2018). */
export const accv2018: Recipe = {
  klScale: 0.1,
  zScale: 100,
  xScale: { fading: 1, stable: 1.5 },
  generatorSteps: 2,
  adam: { beta1: 0, beta2: 0.99, epsilon: 1e-8 },
  emaDecay: 0.999,
  poolSize: { below256: 200, from256: 100 },
};

const recipes = { accv2018 } as const;

/** The recipe of a run, with what its configuration sets itself. */
export const recipeOf = ({ recipe, emaDecay }: { recipe: keyof typeof recipes; emaDecay: number }): Recipe => ({
  ...recipes[recipe],
  emaDecay,
});
