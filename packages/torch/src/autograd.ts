import { native } from "./native.ts";
import { Tensor } from "./tensor.ts";

const handles = (tensors: readonly Tensor[], what: string) => tensors.map((tensor) => Tensor.handleOf(tensor, what));

export interface GradOptions {
  /** Gradients of the outputs; needed unless each output has one element. */
  gradOutputs?: readonly Tensor[];
  /** Keep the graph so that it can be walked again. */
  retainGraph?: boolean;
  /** Record the gradients' own computation, to differentiate them again (gradient penalty). */
  createGraph?: boolean;
}

/**
 * Gradients of `outputs` with respect to each of `inputs`; nothing is accumulated.
 * @throws TorchError if an output does not depend on an input
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): Tensor[] {
  return gradWhereUsed(outputs, inputs, options, false) as Tensor[];
}

/** As grad(), with null for the inputs that the outputs do not depend on. */
export function gradWhereUsed(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
  allowUnused = true,
): (Tensor | null)[] {
  const ids = native.grad(
    handles(outputs instanceof Tensor ? [outputs] : outputs, "output"),
    handles(inputs, "input"),
    options.gradOutputs ? handles(options.gradOutputs, "gradient of an output") : null,
    options.retainGraph ?? false,
    options.createGraph ?? false,
    allowUnused,
  );
  return ids.map((id) => (id === null ? null : Tensor.fromHandle(id)));
}

/** Adds the gradient of `output` into the `.grad` of every leaf it depends on. */
export function backward(
  output: Tensor,
  options: Omit<GradOptions, "gradOutputs"> & { gradOutput?: Tensor } = {},
): void {
  native.backward(
    handles([output], "output"),
    options.gradOutput ? handles([options.gradOutput], "gradient of the output") : null,
    options.retainGraph ?? false,
    options.createGraph ?? false,
  );
}

/** Runs `body` without recording graphs. */
export function noGrad<T>(body: () => T): T {
  const before = native.setGradMode(false);
  try {
    return body();
  } finally {
    native.setGradMode(before);
  }
}
