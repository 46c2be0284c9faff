import { noGrad } from "./autograd.ts";
import { keep } from "./scope.ts";
import { operator, type Tensor } from "./tensor.ts";

interface Copy {
  readonly copy: Tensor;
  /** What was made of the parameter beside scaling it. */
  readonly as: string;
  /** The copy is the parameter times this, in the copy's dtype. */
  readonly scale: number;
  /** Of the parameter, when the copy was made. */
  version: number;
}

const versionOf = operator<[Tensor], number>("aten::_version");

/**
 * What convolutions use of a network's parameters (scaled, in bfloat16, folded), held from one use to the next. A copy is
 * made anew when its parameter has been written since; Adam writes plain copies along with their parameters.
 */
export class WeightCopies {
  readonly #copies = new Map<Tensor, Copy>();

  /**
   * The copy of a parameter as it is now; one that was made as something else gives way to it.
   * @param as   what is made of it: its dtype and form
   * @param make makes it; called only if need be, without a graph
   */
  of(parameter: Tensor, as: string, scale: number, make: () => Tensor): Tensor {
    const version = versionOf(parameter);
    const found = this.#copies.get(parameter);
    if (found?.version === version && found.scale === scale && found.as === as) return found.copy;
    found?.copy.dispose();
    const copy = keep(noGrad(make));
    this.#copies.set(parameter, { copy, as, scale, version });
    return copy;
  }

  /** The copy that lies element by element like its parameter, if there is one. */
  find(parameter: Tensor): Copy | undefined {
    const found = this.#copies.get(parameter);
    return found && found.copy.shape.join() === parameter.shape.join() ? found : undefined;
  }

  /** Whoever wrote a parameter has written its copy too. */
  written(parameter: Tensor): void {
    const found = this.#copies.get(parameter);
    if (found) found.version = versionOf(parameter);
  }

  dispose(): void {
    for (const { copy } of this.#copies.values()) copy.dispose();
    this.#copies.clear();
  }
}
