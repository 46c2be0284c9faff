import {
  avgPool2d,
  type DType,
  keep,
  noGrad,
  type RandomGenerator,
  rand,
  randn,
  scope,
  type Tensor,
  zeros,
} from "pioneer-torch";
import { blockCount, type Growth, type NetworkSize, width } from "./growth.ts";
import {
  convolution,
  convolutionOfRgb,
  denseFrom4x4,
  dtypeOf,
  inComputeFormat,
  type Layer,
  type Linear,
  normalise,
  type Precision,
  rgbConvolution,
} from "./layers.ts";
import { addConvolutionShapes, copyWithShape, Network, shapeIn } from "./network.ts";
import type { Activation, Passes } from "./passes.ts";

/** Images to latents on the sphere: [batch, 3, r, r] in [-1, 1] -> [batch, latent], float32, rows of length 1. */
export type Encode = (x: Tensor) => Tensor;

/** What preparing the encoder does to the stored power-iteration vectors u. */
export type SpectralUpdate = "store" | "keep";

/** The authors count the encoder's blocks from the image side. */
const index = (phase: number) => blockCount - 1 - phase;
const convolutionName = (phase: number, position: 0 | 2) => `progression.${index(phase)}.conv.${position}.conv`;

/**
 * E: image -> z (ALGORITHM section 2). from_rgb, then from the newest block down: twice [spectrally normalised conv,
 * LeakyReLU], 2x2 mean; block 0 ends in a 4x4 convolution to one pixel. The code is put on the sphere.
 */
export class Encoder extends Network {
  /** Power-iteration vectors [out, 1], by the name of their convolution. Replaced, never written in place. */
  readonly u = new Map<string, Tensor>();

  /** Shapes of all parameters by name, in the checkpoint's order. */
  static shapes({ latent, channels }: NetworkSize): Map<string, number[]> {
    const shapes = new Map<string, number[]>();
    for (let phase = blockCount - 1; phase >= 0; phase--) {
      const narrow = width(channels, phase);
      const wide = phase === 0 ? channels : width(channels, phase - 1);
      addConvolutionShapes(shapes, convolutionName(phase, 0), [wide, narrow, 3, 3]);
      addConvolutionShapes(shapes, convolutionName(phase, 2), phase === 0 ? [latent, wide, 4, 4] : [wide, wide, 3, 3]);
      shapes.set(`from_rgb.${index(phase)}.weight`, [narrow, 3, 1, 1]);
      shapes.set(`from_rgb.${index(phase)}.bias`, [narrow]);
    }
    return shapes;
  }

  /** Random weights: convolutions N(0, 2 / fan_in) with zero bias, u = 0.1 N(0, 1), from_rgb uniform in ±1/sqrt(3). */
  static create(size: NetworkSize, random: RandomGenerator): Encoder {
    const encoder = new Encoder(size);
    const rgbBound = 1 / Math.sqrt(3);
    for (const [name, shape] of Encoder.shapes(size)) {
      const fanIn = shape.slice(1).reduce((product, length) => product * length, 1);
      if (name.startsWith("from_rgb")) encoder.add(name, rand(shape, random, -rgbBound, rgbBound));
      else if (name.endsWith(".bias")) encoder.add(name, zeros(shape));
      else encoder.add(name, randn(shape, random).mul_(Math.sqrt(2 / fanIn)));
    }
    for (const [name, shape] of encoder.#uShapes()) encoder.u.set(name, keep(randn(shape, random).mul_(0.1)));
    return encoder;
  }

  /** An encoder with these weights and u. @param prefix what stands before each name, for instance "encoder." */
  static from(tensors: ReadonlyMap<string, Tensor>, prefix: string): Encoder {
    const [latent] = shapeIn(tensors, `${prefix}${convolutionName(0, 2)}.weight_orig`);
    const [channels] = shapeIn(tensors, `${prefix}${convolutionName(0, 0)}.weight_orig`);
    const encoder = new Encoder({ latent, channels });
    encoder.load(tensors, prefix, Encoder.shapes(encoder.size));
    for (const [name, shape] of encoder.#uShapes()) {
      encoder.u.set(name, copyWithShape(tensors, `${prefix}${name}.weight_u`, shape));
    }
    return encoder;
  }

  /** Shape of u of each convolution. */
  #uShapes(): [name: string, shape: number[]][] {
    return [...Encoder.shapes(this.size)]
      .filter(([name]) => name.endsWith(".weight_orig"))
      .map(([name, [out = 0]]) => [name.slice(0, -".weight_orig".length), [out, 1]]);
  }

  /** The parameters that take part at this point of the growth; only these have gradients. */
  used({ phase, alpha }: Growth): Map<string, Tensor> {
    const used = (name: string) => {
      const [part, block] = name.split(".");
      const p = index(Number(block));
      return part === "from_rgb" ? p === phase || (alpha < 1 && p === phase - 1) : p <= phase;
    };
    return new Map([...this.parameters].filter(([name]) => used(name)));
  }

  override tensors(): Map<string, Tensor> {
    return new Map([...super.tensors(), ...[...this.u].map(([name, u]) => [`${name}.weight_u`, u] as const)]);
  }

  /**
   * Prepares the weights once (one power iteration each, format) and returns the network as a function.
   * Under noGrad() the weights are constants, but gradients still flow through the function to the images.
   * @param spectral "store" in training: every call moves u; "keep" in evaluation: training is not disturbed
   * @param passes "composed" ones where a second derivative is wanted
   */
  prepare(
    { phase, alpha }: Growth,
    precision: Precision,
    spectral: SpectralUpdate,
    passes = this.passes(precision),
  ): Encode {
    const dtype = dtypeOf(precision);
    const exact = precision === "fp64" ? "float64" : "float32";
    const [rgbWeight, rgbBias] = ["weight", "bias"].map((part) => this.parameter(`from_rgb.${index(phase)}.${part}`));

    /** Spectrally normalised convolution, bias, activation. */
    const activated = (name: string, linear: Linear, activation: Activation, of: DType = dtype): Layer => {
      const layer = linear(this.#normalised(name, spectral, passes, of));
      const bias = this.parameter(`${name}.bias`);
      return (h) => scope(() => activation(layer(h), bias));
    };
    const ofRgb: Linear = (weight) => convolutionOfRgb(weight, rgbWeight as Tensor, rgbBias as Tensor, precision);
    const block = (p: number): Layer => {
      const [one, two] = [convolutionName(p, 0), convolutionName(p, 2)];
      const first =
        p === phase
          ? activated(one, ofRgb, passes.biasedLeakyRelu, exact)
          : activated(one, convolution, passes.biasedLeakyRelu);
      const second =
        p === 0
          ? activated(two, denseFrom4x4, passes.biasedLeakyRelu)
          : activated(two, convolution, passes.pooledLeakyRelu);
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
        return normalise(h.to(exact));
      });
  }

  /** weight / sigma. */
  #normalised(name: string, spectral: SpectralUpdate, passes: Passes, dtype: DType): Tensor {
    const before = this.u.get(name) as Tensor;
    const { weight, u } = passes.spectralNorm(this.parameter(`${name}.weight_orig`), before, dtype);
    if (spectral === "store") {
      this.u.set(name, keep(noGrad(() => u.detach().clone())));
      before.dispose(); // a graph that needs it holds it itself
    }
    u.dispose();
    return weight;
  }

  #fromRgb(phase: number, precision: Precision): Layer {
    const weight = this.parameter(`from_rgb.${index(phase)}.weight`);
    const layer = rgbConvolution(weight, this.parameter(`from_rgb.${index(phase)}.bias`), precision);
    return (x) => scope(() => layer(inComputeFormat(x, precision)));
  }

  override dispose(): void {
    super.dispose();
    for (const u of this.u.values()) u.dispose();
    this.u.clear();
  }
}
