import {
  avgPool2d,
  type DType,
  linear,
  type RandomGenerator,
  rand,
  randn,
  scope,
  type Tensor,
  zeros,
} from "pioneer-torch";
import type { FoldedEncoder } from "./folded.ts";
import { blockCount, type Growth, type NetworkSize, width } from "./growth.ts";
import { type NetworkKind, pioneerKind } from "./kind.ts";
import {
  addBias,
  convolutionOfRgb,
  denseFrom4x4,
  dtypeOf,
  exactOf,
  inComputeFormat,
  type Layer,
  type Linear,
  normalise,
  type Precision,
  rgbConvolution,
} from "./layers.ts";
import { addConvolutionShapes, Network, type SpectralUpdate, shapeIn } from "./network.ts";
import type { Activation, Passes } from "./passes.ts";

/** Images to latents on the sphere: [batch, 3, r, r] in [-1, 1] -> [batch, latent], float32, rows of length 1. */
export type Encode = (x: Tensor) => Tensor;

/** Images to what the head says of them: [batch, 3, r, r] -> [batch, 2], float32; column 0 is the score. */
export type Judge = (x: Tensor) => Tensor;

/** The authors count the encoder's blocks from the image side. */
const index = (phase: number) => blockCount - 1 - phase;
const convolutionName = (phase: number, position: 0 | 2) => `progression.${index(phase)}.conv.${position}.conv`;

/** The head's parameters, by the authors' name. */
const headName = "linear";

/**
 * E: image -> z (docs/algorithm.md, section 2). from_rgb, then from the newest block down: twice [spectrally normalised
 * conv, LeakyReLU], 2x2 mean; block 0 ends in a 4x4 convolution to one pixel. The code is put on the sphere. With a
 * head it is also the discriminator of recipe gan.
 */
export class Encoder extends Network {
  readonly kind: NetworkKind;

  constructor(size: NetworkSize, kind: NetworkKind = pioneerKind) {
    super(size);
    this.kind = kind;
  }

  /** Shapes of all parameters by name, in the checkpoint's order. */
  static shapes({ latent, channels }: NetworkSize, kind: NetworkKind = pioneerKind): Map<string, number[]> {
    const shapes = new Map<string, number[]>();
    for (let phase = blockCount - 1; phase >= 0; phase--) {
      const narrow = width(channels, phase, kind);
      const wide = phase === 0 ? channels : width(channels, phase - 1, kind);
      addConvolutionShapes(shapes, convolutionName(phase, 0), [wide, narrow, 3, 3]);
      addConvolutionShapes(shapes, convolutionName(phase, 2), phase === 0 ? [latent, wide, 4, 4] : [wide, wide, 3, 3]);
      shapes.set(`from_rgb.${index(phase)}.weight`, [narrow, 3, 1, 1]);
      shapes.set(`from_rgb.${index(phase)}.bias`, [narrow]);
    }
    if (kind.head) shapes.set(`${headName}.weight`, [2, latent]).set(`${headName}.bias`, [2]);
    return shapes;
  }

  /**
   * Random weights: convolutions N(0, 2 / fan_in) with zero bias, u = 0.1 N(0, 1), from_rgb and the head uniform in
   * ±1/sqrt(fan_in).
   */
  static create(size: NetworkSize, random: RandomGenerator, kind: NetworkKind = pioneerKind): Encoder {
    const encoder = new Encoder(size, kind);
    const shapes = Encoder.shapes(size, kind);
    const rgbBound = 1 / Math.sqrt(3);
    const headBound = 1 / Math.sqrt(size.latent);
    for (const [name, shape] of shapes) {
      const fanIn = shape.slice(1).reduce((product, length) => product * length, 1);
      if (name.startsWith("from_rgb")) encoder.add(name, rand(shape, random, -rgbBound, rgbBound));
      else if (name.startsWith(headName)) encoder.add(name, rand(shape, random, -headBound, headBound));
      else if (name.endsWith(".bias")) encoder.add(name, zeros(shape));
      else encoder.add(name, randn(shape, random).mul_(Math.sqrt(2 / fanIn)));
    }
    encoder.addU(shapes, random);
    return encoder;
  }

  /** An encoder with these weights and u. @param prefix what stands before each name, for instance "encoder." */
  static from(tensors: ReadonlyMap<string, Tensor>, prefix: string, kind: NetworkKind = pioneerKind): Encoder {
    const [latent] = shapeIn(tensors, `${prefix}${convolutionName(0, 2)}.weight_orig`);
    const [channels] = shapeIn(tensors, `${prefix}${convolutionName(0, 0)}.weight_orig`);
    const encoder = new Encoder({ latent, channels }, kind);
    const shapes = Encoder.shapes(encoder.size, kind);
    encoder.load(tensors, prefix, shapes);
    encoder.loadU(tensors, prefix, shapes);
    return encoder;
  }

  /** The parameters that take part at this point of the growth; only these have gradients. */
  used({ phase, alpha }: Growth): Map<string, Tensor> {
    const used = (name: string) => {
      const [part, block] = name.split(".");
      if (part === headName) return true;
      const p = index(Number(block));
      return part === "from_rgb" ? p === phase || (alpha < 1 && p === phase - 1) : p <= phase;
    };
    return new Map([...this.parameters].filter(([name]) => used(name)));
  }

  /**
   * Prepares the weights once (one power iteration each, format) and returns the network as a function.
   * Under noGrad() the weights are constants, but gradients still flow through the function to the images.
   * @param spectral "store" in training: every call moves u; "keep" in evaluation: training is not disturbed
   * @param passes "composed" ones where a second derivative is wanted
   */
  prepare(growth: Growth, precision: Precision, spectral: SpectralUpdate, passes = this.passes(precision)): Encode {
    const code = this.#code(growth, precision, spectral, passes);
    return (x) => scope(() => normalise(code(x)));
  }

  /** The same with the head instead of the sphere: it sees the code before it is normalised. */
  prepareJudge(growth: Growth, precision: Precision, spectral: SpectralUpdate, passes = this.passes(precision)): Judge {
    const code = this.#code(growth, precision, spectral, passes);
    const exact = exactOf(precision);
    const [weight, bias] = ["weight", "bias"].map((part) => this.parameter(`${headName}.${part}`).to(exact));
    return (x) => scope(() => linear(code(x), weight as Tensor, bias as Tensor));
  }

  /** Its layers with the weights that convolutions use; the tensors belong to the current scope or to the network. */
  folded({ phase, alpha }: Growth): FoldedEncoder {
    const fromRgb = (p: number) => this.foldedRgb(`from_rgb.${index(p)}`);
    return {
      blocks: Array.from({ length: phase + 1 }, (_, p) => ({
        first: this.foldedSpectral(convolutionName(p, 0)),
        second: this.foldedSpectral(convolutionName(p, 2)),
      })),
      fromRgb: fromRgb(phase),
      fromRgbBefore: phase > 0 && alpha < 1 ? fromRgb(phase - 1) : undefined,
    };
  }

  /** Images to codes [batch, latent] before they are put on the sphere, float32. */
  #code({ phase, alpha }: Growth, precision: Precision, spectral: SpectralUpdate, passes: Passes): Layer {
    const dtype = dtypeOf(precision);
    const exact = exactOf(precision);
    const [rgbWeight, rgbBias] = ["weight", "bias"].map((part) => this.parameter(`from_rgb.${index(phase)}.${part}`));

    /** Spectrally normalised convolution, bias, activation. */
    const activated = (name: string, linear: Linear, activation: Activation, of: DType = dtype): Layer => {
      const layer = linear(this.normalised(name, spectral, passes, of));
      const bias = this.parameter(`${name}.bias`);
      return (h) => scope(() => activation(layer(h), bias));
    };
    const ofRgb: Linear = (weight) => convolutionOfRgb(weight, rgbWeight as Tensor, rgbBias as Tensor, precision);
    const ending = this.kind.activatedCode ? passes.biasedLeakyRelu : addBias;
    const block = (p: number): Layer => {
      const [one, two] = [convolutionName(p, 0), convolutionName(p, 2)];
      const first =
        p === phase
          ? activated(one, ofRgb, passes.biasedLeakyRelu, exact)
          : activated(one, passes.convolution, passes.biasedLeakyRelu);
      const second =
        p === 0 ? activated(two, denseFrom4x4, ending) : activated(two, passes.convolution, passes.pooledLeakyRelu);
      return (h) => scope(() => second(first(h)));
    };

    const blocks = Array.from({ length: phase + 1 }, (_, p) => block(p));
    const fromRgbBefore = phase > 0 && alpha < 1 ? this.#fromRgb(phase - 1, precision) : undefined;
    return (x) =>
      scope(() => {
        let h = x;
        for (let p = phase; p >= 0; p--) {
          h = (blocks[p] as Layer)(h);
          if (p === phase && fromRgbBefore) h = passes.fade(fromRgbBefore(avgPool2d(x)), h, alpha);
        }
        return h.to(exact);
      });
  }

  #fromRgb(phase: number, precision: Precision): Layer {
    const weight = this.parameter(`from_rgb.${index(phase)}.weight`);
    const layer = rgbConvolution(weight, this.parameter(`from_rgb.${index(phase)}.bias`), precision);
    return (x) => scope(() => layer(inComputeFormat(x, precision)));
  }
}
