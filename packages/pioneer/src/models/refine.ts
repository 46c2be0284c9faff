// Better latents of photos: steps down the gradient of the image error, from the encoder's answer, along the sphere. The error is L1, on
// request with a perceptual distance beside it. The generator stays as it is. docs/refine.md has the measurements behind the numbers here.
import { grad, keep, noGrad, operator, scope, type Tensor, where, zeros, zerosLike } from "pioneer-torch";
import { type Generate, normalise } from "../networks/index.ts";

export interface RefineOptions {
  /** Gradient steps, at least 1. */
  readonly steps: number;
  /** Told after each step. */
  readonly onStep?: (() => void) | undefined;
  /** A distance that counts beside L1, `weight` times: made images [batch, 3, r, r] to [batch], with a gradient. */
  readonly perceptual?: { readonly weight: number; readonly distance: (made: Tensor) => Tensor } | undefined;
}

/** Angle of a first step in radians, at most; steps shrink to 0 along half a cosine. */
const firstAngle = 0.4;
const [beta1, beta2] = [0.9, 0.99];

/** Keeps the angle of a step finite where a gradient is 0, as in a picture that is right already. */
const epsilon = 1e-12;

/**
 * Moves each latent along the sphere so that its image comes nearer to a given one: Riemannian Adam on the mean |difference| of
 * each image, and what is to count beside it; rows independent of each other. The gradient is projected to the tangent space, the momentum anew after each step,
 * and the latent goes back to length 1. Second moments are Adam's, one for each coordinate.
 * @param generate latents to images, with weights that take no gradient
 * @param images   [batch, 3, r, r] in [-1, 1], what to come near to
 * @param latents  [batch, latent], where to begin
 * @returns [batch, latent], rows of length 1: of all latents passed, the first included, those of the least error. The
 * caller disposes of it
 * @see Bécigneul & Ganea, Riemannian Adaptive Optimization Methods, ICLR 2019
 */
export async function refine(
  generate: Generate,
  images: Tensor,
  latents: Tensor,
  { steps, onStep, perceptual }: RefineOptions,
): Promise<Tensor> {
  const errorOf = (z: Tensor) =>
    scope(() => {
      const made = generate(z);
      const error = imageError(made, images);
      return perceptual ? error.add(perceptual.distance(made).unsqueeze(1).mul(perceptual.weight)) : error;
    });
  const rows = latents.size(0);
  let state = noGrad(() => {
    const z = normalise(latents);
    const moments = { first: zerosLike(z), second: zerosLike(z) };
    return kept({ z, ...moments, best: z.clone(), error: zeros([rows, 1], { device: z.device }).fill_(Infinity) });
  });
  const replace = (next: State) => {
    for (const old of Object.values(state)) old.dispose();
    state = next;
  };
  try {
    for (let step = 0; step < steps; step++) {
      const angle = (firstAngle / 2) * (1 + Math.cos((Math.PI * step) / steps));
      replace(scope(() => kept(descend(errorOf, state, step + 1, angle))));
      onStep?.();
      // Between two steps the process hears signals and draws its progress.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return keep(noGrad(() => scope(() => better(state, errorOf(state.z)).best)));
  } finally {
    for (const value of Object.values(state)) value.dispose();
  }
}

/** Where a refinement is; all [batch, latent] but `error`, [batch, 1]. */
type State = Readonly<Record<"z" | "first" | "second" | "best" | "error", Tensor>>;

function kept(state: State): State {
  for (const value of Object.values(state)) keep(value);
  return state;
}

/** @returns [batch, 1] */
const imageError = (made: Tensor, images: Tensor): Tensor =>
  scope(() => made.sub(images).abs().mean([1, 2, 3]).unsqueeze(1));

const less = operator<[a: Tensor, b: Tensor], Tensor>("aten::lt.Tensor");

/** The best latents once `z` has shown its error. */
function better({ z, best, error }: State, now: Tensor): Pick<State, "best" | "error"> {
  const isLess = less(now, error);
  return { best: where(isLess, z, best), error: where(isLess, now, error) };
}

/** One step of Riemannian Adam. @param errorOf latents [batch, latent] to [batch, 1] @param step counted from 1 */
function descend(errorOf: (z: Tensor) => Tensor, state: State, step: number, angle: number): State {
  const z = state.z.detach().requiresGrad_();
  const error = errorOf(z);
  // Of the sum: each row's gradient is that of its own image.
  const [gradient] = grad(error.sum(), [z]) as [Tensor];
  return noGrad(() => {
    const slope = tangent(state.z, gradient);
    const first = state.first.lerp(slope, 1 - beta1);
    const second = state.second.lerp(slope.square(), 1 - beta2);
    const size = second
      .div(1 - beta2 ** step)
      .sqrt()
      .add(epsilon);
    // Adam moves each coordinate by about 1: together by the root of their number.
    const scale = angle / Math.sqrt(z.size(1)) / (1 - beta1 ** step);
    const next = normalise(state.z.sub(tangent(state.z, first.div(size)).mul(scale)));
    return { z: next, first: tangent(next, first), second, ...better(state, error.detach()) };
  });
}

/** The part of each row that is perpendicular to the sphere's point. */
const tangent = (z: Tensor, rows: Tensor): Tensor => rows.sub(z.mul(z.mul(rows).sum([1], true)));
