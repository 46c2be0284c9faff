import { noGrad } from "./autograd.ts";
import { ShapeError, TorchError } from "./errors.ts";
import { fused, isFusable } from "./fused.ts";
import { fromHost, isRecording } from "./graph.ts";
import { empty, foreach, zerosLike } from "./ops.ts";
import { keep, scope } from "./scope.ts";
import type { Tensor } from "./tensor.ts";
import type { WeightCopies } from "./weight-copies.ts";

export interface AdamOptions {
  learningRate: number;
  /** Decay of the first moment; at 0 it is the gradient itself and is not stored. */
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** What one parameter carries between steps. */
export interface AdamState {
  /** Updates so far; counted per parameter, because a layer joins when its phase begins. */
  step: number;
  firstMoment: Tensor | undefined;
  secondMoment: Tensor;
}

const advance = (states: readonly AdamState[]) => {
  for (const state of states) state.step++;
};

/**
 * Adam (Kingma & Ba 2015) in PyTorch's present form: p -= lr/(1 - b1^t) · m / (sqrt(v)/sqrt(1 - b2^t) + eps).
 * Only parameters that are given a gradient move, and only their step counts advance.
 */
export class Adam {
  options: AdamOptions;
  readonly state = new Map<string, AdamState>();

  constructor(options: AdamOptions) {
    this.options = options;
  }

  /**
   * One update, in place.
   * @param parameters  by name; the names are the keys of `state`
   * @param gradients   of the same shapes, in the same order
   * @param copies      what convolutions use of these parameters; written in the same pass
   */
  step(parameters: ReadonlyMap<string, Tensor>, gradients: readonly Tensor[], copies?: WeightCopies): void {
    if (parameters.size !== gradients.length) {
      throw new TorchError(`Adam: ${parameters.size} parameters, but ${gradients.length} gradients`);
    }
    if (parameters.size === 0) return;
    // Before anything moves: a refusal half way would leave moments and step counts apart.
    for (const [i, [name, { shape }]] of [...parameters].entries()) {
      const gradient = gradients[i]?.shape ?? [];
      if (shape.join() !== gradient.join())
        throw new ShapeError(`Adam: ${name} has shape [${shape.join()}], its gradient [${gradient.join()}]`);
    }
    const weights = [...parameters.values()];
    const states = [...parameters].map(([name, parameter]) => this.#stateOf(name, parameter));
    noGrad(() =>
      scope(() => {
        if (weights.every(isFusable)) this.#fused(weights, gradients, states, copies);
        else this.#composed(weights, gradients, states);
      }),
    );
  }

  #fused(
    weights: readonly Tensor[],
    gradients: readonly Tensor[],
    states: readonly AdamState[],
    copies?: WeightCopies,
  ): void {
    const { beta1, beta2, epsilon } = this.options;
    const none = empty([0]);
    const rates = fromHost([states.length, 2], (weights[0] as Tensor).device, () => {
      advance(states);
      return states.flatMap(({ step }) => [
        this.options.learningRate / (1 - beta1 ** step),
        1 / Math.sqrt(1 - beta2 ** step),
      ]);
    });
    const held = weights.map((weight) => copies?.find(weight));
    fused.adam_(
      weights,
      gradients,
      beta1 > 0 ? states.map(({ firstMoment }) => firstMoment as Tensor) : [],
      states.map(({ secondMoment }) => secondMoment),
      held.map((copy) => copy?.copy ?? none),
      held.map((copy) => copy?.scale ?? 1),
      rates,
      beta1,
      beta2,
      epsilon,
    );
    for (const [i, copy] of held.entries()) if (copy) copies?.written(weights[i] as Tensor);
  }

  #composed(weights: Tensor[], gradients: readonly Tensor[], states: readonly AdamState[]): void {
    if (isRecording())
      throw new TorchError("Adam: a graph can only hold its fused update, whose rates lie on the device");
    const { learningRate, beta1, beta2, epsilon } = this.options;
    advance(states);
    const correction = (beta: number) => states.map(({ step }) => 1 - beta ** step);
    const second = states.map(({ secondMoment }) => secondMoment);
    foreach.mul_(second, beta2);
    foreach.addcmul_(second, [...gradients], [...gradients], 1 - beta2);

    let first = [...gradients];
    if (beta1 > 0) {
      first = states.map(({ firstMoment }) => firstMoment as Tensor);
      foreach.mul_(first, beta1);
      foreach.add_(first, [...gradients], 1 - beta1);
    }

    const denominator = foreach.sqrt(second);
    foreach.div_(denominator, correction(beta2).map(Math.sqrt));
    foreach.addScalar_(denominator, epsilon);
    foreach.addcdiv_(
      weights,
      first,
      denominator,
      correction(beta1).map((bias) => -learningRate / bias),
    );
  }

  #stateOf(name: string, parameter: Tensor): AdamState {
    let state = this.state.get(name);
    if (!state) {
      const zeros = () => keep(zerosLike(parameter.detach()));
      state = { step: 0, firstMoment: this.options.beta1 > 0 ? zeros() : undefined, secondMoment: zeros() };
      this.state.set(name, state);
    }
    return state;
  }

  dispose(): void {
    for (const { firstMoment, secondMoment } of this.state.values()) {
      firstMoment?.dispose();
      secondMoment.dispose();
    }
    this.state.clear();
  }
}
