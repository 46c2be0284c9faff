import {
  type DType,
  keep,
  noGrad,
  type RandomGenerator,
  randn,
  ShapeError,
  scope,
  type Tensor,
  type WeightCopies,
} from "pioneer-torch";
import { passesFor } from "./choose-passes.ts";
import { composed } from "./composed.ts";
import type { FoldedLayer } from "./folded.ts";
import type { NetworkSize } from "./growth.ts";
import type { Precision } from "./layers.ts";
import type { Passes } from "./passes.ts";

/** What preparing a network does to the stored power-iteration vectors u of its spectral norms. */
export type SpectralUpdate = "store" | "keep";

/** What the generator and the encoder share: named parameters. Names are those of the authors' state dicts. */
export abstract class Network {
  readonly size: NetworkSize;
  /** Raw weights and biases, float32, as stored: before equalised scale and spectral norm. */
  readonly parameters = new Map<string, Tensor>();
  /**
   * Power-iteration vectors [out, 1], by the name of their spectrally normalised convolution. Written in place, as a recorded
   * CUDA graph finds them where they were.
   */
  readonly u = new Map<string, Tensor>();
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

  /** First vectors for the convolutions of these shapes: 0.1 N(0, 1). */
  protected addU(shapes: ReadonlyMap<string, number[]>, random: RandomGenerator): void {
    for (const [name, shape] of uShapes(shapes)) this.u.set(name, keep(randn(shape, random).mul_(0.1)));
  }

  protected loadU(tensors: ReadonlyMap<string, Tensor>, prefix: string, shapes: ReadonlyMap<string, number[]>): void {
    for (const [name, shape] of uShapes(shapes)) {
      this.u.set(name, copyWithShape(tensors, `${prefix}${name}.weight_u`, shape));
    }
  }

  /** A convolution's weight / sigma. */
  protected normalised(name: string, spectral: SpectralUpdate, passes: Passes, dtype: DType): Tensor {
    const stored = this.u.get(name) as Tensor;
    return scope(() => {
      // The graph keeps a u of its own: the stored one is about to be written.
      const before = spectral === "store" ? noGrad(() => stored.clone()) : stored;
      const { weight, u } = passes.spectralNorm(this.parameter(`${name}.weight_orig`), before, dtype);
      if (spectral === "store") noGrad(() => stored.copy_(u.detach()));
      return weight;
    });
  }

  /** A spectrally normalised convolution as another engine computes it. */
  protected foldedSpectral(name: string): FoldedLayer {
    return { weight: this.normalised(name, "keep", composed, "float32"), bias: this.parameter(`${name}.bias`) };
  }

  /** A plain convolution to or from RGB. */
  protected foldedRgb(name: string): FoldedLayer {
    return { weight: this.parameter(`${name}.weight`), bias: this.parameter(`${name}.bias`) };
  }

  parameter(name: string): Tensor {
    const found = this.parameters.get(name);
    if (!found) throw new Error(`the network has no parameter ${name}`);
    return found;
  }

  /** Everything a checkpoint must hold for this network, by name. */
  tensors(): Map<string, Tensor> {
    return new Map([...this.parameters, ...[...this.u].map(([name, u]) => [`${name}.weight_u`, u] as const)]);
  }

  dispose(): void {
    for (const value of this.parameters.values()) value.dispose();
    this.parameters.clear();
    for (const u of this.u.values()) u.dispose();
    this.u.clear();
    this.copies?.dispose();
  }
}

/** Shape of u of each convolution. */
function uShapes(shapes: ReadonlyMap<string, number[]>): [name: string, shape: number[]][] {
  return [...shapes]
    .filter(([name]) => name.endsWith(".weight_orig"))
    .map(([name, [out = 0]]) => [name.slice(0, -".weight_orig".length), [out, 1]]);
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

function copyWithShape(tensors: ReadonlyMap<string, Tensor>, name: string, shape: readonly number[]): Tensor {
  const found = tensors.get(name);
  if (!found) throw new ShapeError(`the tensor ${name} is missing`);
  if (found.shape.join() !== shape.join()) {
    throw new ShapeError(`${name}: expected shape [${shape.join(", ")}], got [${found.shape.join(", ")}]`);
  }
  // Weights of a model folder may be stored in half precision.
  return keep(noGrad(() => (found.dtype === "float16" ? found.to("float32") : found.clone())));
}
