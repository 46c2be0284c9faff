import { keep, noGrad, ShapeError, type Tensor, type WeightCopies } from "pioneer-torch";
import type { NetworkSize } from "./growth.ts";
import type { Precision } from "./layers.ts";
import { type Passes, passesFor } from "./passes.ts";

/** What the generator and the encoder share: named parameters. Names are those of the authors' state dicts. */
export abstract class Network {
  readonly size: NetworkSize;
  /** Raw weights and biases, float32, as stored: before equalised scale and spectral norm. */
  readonly parameters = new Map<string, Tensor>();
  /** What convolutions use of them, held from step to step; only a network that is trained has these. */
  copies?: WeightCopies;

  constructor(size: NetworkSize) {
    this.size = size;
  }

  protected add(name: string, value: Tensor): void {
    // Channels last, as convolutions want them and give their gradients; logically nothing changes.
    const laidOut = value.contiguous(value.shape.length === 4 ? "channelsLast" : "contiguous");
    value.dispose();
    this.parameters.set(name, keep(laidOut.requiresGrad_()));
  }

  /** The passes that suit the network's device. */
  protected passes(precision: Precision): Passes {
    return passesFor(precision, [...this.parameters.values()][0] as Tensor);
  }

  /** Copies every parameter in; none may be missing or of another shape. */
  protected load(tensors: ReadonlyMap<string, Tensor>, prefix: string, shapes: ReadonlyMap<string, number[]>): void {
    for (const [name, shape] of shapes) this.add(name, copyWithShape(tensors, prefix + name, shape));
  }

  parameter(name: string): Tensor {
    const found = this.parameters.get(name);
    if (!found) throw new Error(`the network has no parameter ${name}`);
    return found;
  }

  /** Everything a checkpoint must hold for this network, by name. */
  tensors(): Map<string, Tensor> {
    return new Map(this.parameters);
  }

  dispose(): void {
    for (const value of this.parameters.values()) value.dispose();
    this.parameters.clear();
    this.copies?.dispose();
  }
}

/** Notes the weight and the bias of a convolution. */
export function addConvolutionShapes(shapes: Map<string, number[]>, name: string, weight: number[]): void {
  shapes.set(`${name}.weight_orig`, weight);
  shapes.set(`${name}.bias`, weight.slice(0, 1));
}

/** The first two sizes of a tensor that must be there. */
export function shapeIn(tensors: ReadonlyMap<string, Tensor>, name: string): [number, number] {
  const found = tensors.get(name);
  if (!found) throw new ShapeError(`the tensor ${name} is missing`);
  return [found.size(0), found.size(1)];
}

export function copyWithShape(tensors: ReadonlyMap<string, Tensor>, name: string, shape: readonly number[]): Tensor {
  const found = tensors.get(name);
  if (!found) throw new ShapeError(`the tensor ${name} is missing`);
  if (found.shape.join() !== shape.join()) {
    throw new ShapeError(`${name}: expected shape [${shape.join(", ")}], got [${found.shape.join(", ")}]`);
  }
  return keep(noGrad(() => found.clone()));
}
