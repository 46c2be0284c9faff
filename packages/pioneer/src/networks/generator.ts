import { type DType, type RandomGenerator, rand, randn, scope, type Tensor, zeros } from "pioneer-torch";
import type { FoldedGenerator, FoldedLayer } from "./folded.ts";
import { blockCount, type Growth, type NetworkSize, resolutionOf, width } from "./growth.ts";
import { type NetworkKind, pioneerKind } from "./kind.ts";
import { denseTo4x4, dtypeOf, exactOf, type Layer, type Linear, type Precision, rgbConvolution } from "./layers.ts";
import { addConvolutionShapes, Network, type SpectralUpdate, shapeIn } from "./network.ts";
import type { Activation, Passes, PrepareWeight } from "./passes.ts";

/** Latents on the sphere to images: [batch, latent] -> [batch, 3, r, r], float32, about [-1, 1], not clamped. */
export type Generate = (z: Tensor) => Tensor;

/** One of the two convolutions of a block, by the authors' positions in their sequence: PixelNorm takes a place in it. */
function convolutionName(phase: number, which: "first" | "second", { generatorNorm }: NetworkKind): string {
  const position = which === "first" ? 0 : generatorNorm === "pixel" ? 3 : 2;
  return `progression.${phase}.conv.${position}.conv`;
}

/**
 * G: z -> image (docs/algorithm.md, section 2). Block p: upsample (p > 0), then twice [conv, PixelNorm, LeakyReLU], or,
 * of the spectral kind, [spectrally normalised conv, LeakyReLU]; the newest block's picture is blended with the
 * previous one's by alpha.
 * @see PIONEER, arXiv:1807.03026, section 3; layers of Karras et al. 2018
 */
export class Generator extends Network {
  readonly kind: NetworkKind;

  constructor(size: NetworkSize, kind: NetworkKind = pioneerKind) {
    super(size);
    this.kind = kind;
  }

  /** Shapes of all parameters by name, in the checkpoint's order. */
  static shapes({ latent, channels }: NetworkSize, kind: NetworkKind = pioneerKind): Map<string, number[]> {
    const shapes = new Map<string, number[]>();
    for (let phase = 0; phase < blockCount; phase++) {
      const out = width(channels, phase, kind);
      const first = phase === 0 ? [out, latent, 4, 4] : [out, width(channels, phase - 1, kind), 3, 3];
      addConvolutionShapes(shapes, convolutionName(phase, "first", kind), first);
      addConvolutionShapes(shapes, convolutionName(phase, "second", kind), [out, out, 3, 3]);
      shapes.set(`to_rgb.${phase}.weight`, [3, out, 1, 1]);
      shapes.set(`to_rgb.${phase}.bias`, [3]);
    }
    return shapes;
  }

  /**
   * Random weights with zero bias: N(0, 1), scaled in use, or N(0, 2 / fan_in) and u = 0.1 N(0, 1) of the spectral kind;
   * to_rgb uniform in ±1/sqrt(its width).
   */
  static create(size: NetworkSize, random: RandomGenerator, kind: NetworkKind = pioneerKind): Generator {
    const generator = new Generator(size, kind);
    const shapes = Generator.shapes(size, kind);
    const isSpectral = kind.generatorNorm === "spectral";
    for (const [name, shape] of shapes) {
      const [part, block] = name.split(".");
      const bound = 1 / Math.sqrt(width(size.channels, Number(block), kind));
      if (part === "to_rgb") generator.add(name, rand(shape, random, -bound, bound));
      else if (name.endsWith(".bias")) generator.add(name, zeros(shape));
      else generator.add(name, isSpectral ? randn(shape, random).mul_(heScale(shape)) : randn(shape, random));
    }
    if (isSpectral) generator.addU(shapes, random);
    return generator;
  }

  /** A generator with these weights. @param prefix what stands before each name, for instance "generator." */
  static from(tensors: ReadonlyMap<string, Tensor>, prefix: string, kind: NetworkKind = pioneerKind): Generator {
    const [channels, latent] = shapeIn(tensors, `${prefix}${convolutionName(0, "first", kind)}.weight_orig`);
    const generator = new Generator({ latent, channels }, kind);
    const shapes = Generator.shapes(generator.size, kind);
    generator.load(tensors, prefix, shapes);
    if (kind.generatorNorm === "spectral") generator.loadU(tensors, prefix, shapes);
    return generator;
  }

  /** The parameters that take part at this point of the growth; only these have gradients. */
  used({ phase, alpha }: Growth): Map<string, Tensor> {
    const used = (name: string) => {
      const [part, block] = name.split(".");
      const p = Number(block);
      return part === "to_rgb" ? p === phase || (alpha < 1 && p === phase - 1) : p <= phase;
    };
    return new Map([...this.parameters].filter(([name]) => used(name)));
  }

  /**
   * Prepares the weights once (scale or spectral norm, format) and returns the network as a function.
   * Under noGrad() the weights are constants, but gradients still flow through the function to z.
   * @param spectral "store" in training: every call moves u, where there is one; "keep" in evaluation
   * @param passes "composed" ones where a second derivative is wanted
   */
  prepare(
    { phase, alpha }: Growth,
    precision: Precision,
    spectral: SpectralUpdate = "keep",
    passes = this.passes(precision),
  ): Generate {
    const block =
      this.kind.generatorNorm === "pixel"
        ? this.#equalisedBlocks(precision, spectral, passes)
        : this.#spectralBlocks(precision, spectral, passes);
    const blocks = Array.from({ length: phase + 1 }, (_, p) => block(p));
    const toRgb = this.#toRgb(phase, precision);
    const toRgbBefore = phase > 0 && alpha < 1 ? this.#toRgb(phase - 1, precision) : undefined;
    return (z) =>
      scope(() => {
        let h = z.to(dtypeOf(precision));
        let before = h;
        for (const block of blocks) {
          before = h;
          h = block(h);
        }
        const image = toRgb(h);
        // A 1x1 convolution of an upsampled image is the upsampled convolution.
        return toRgbBefore ? passes.fade(toRgbBefore(before), image, alpha) : image;
      });
  }

  /** Its layers with the weights that convolutions use; the tensors belong to the current scope or to the network. */
  folded({ phase, alpha }: Growth): FoldedGenerator {
    const layer = (p: number, which: "first" | "second"): FoldedLayer => {
      const name = convolutionName(p, which, this.kind);
      if (this.kind.generatorNorm === "spectral") return this.foldedSpectral(name);
      const stored = this.parameter(`${name}.weight_orig`);
      return { weight: stored.mul(heScale(stored.shape)), bias: this.parameter(`${name}.bias`) };
    };
    return {
      blocks: Array.from({ length: phase + 1 }, (_, p) => ({ first: layer(p, "first"), second: layer(p, "second") })),
      toRgb: this.foldedRgb(`to_rgb.${phase}`),
      toRgbBefore: phase > 0 && alpha < 1 ? this.foldedRgb(`to_rgb.${phase - 1}`) : undefined,
    };
  }

  /**
   * Block p: (upsampled for p > 0) convolution, PixelNorm, LeakyReLU; and once more. Equalised learning rate: the stored
   * weight is ~N(0, 1), the used one is scaled by sqrt(2 / fan_in).
   */
  #equalisedBlocks(precision: Precision, spectral: SpectralUpdate, passes: Passes): (phase: number) => Layer {
    const dtype = dtypeOf(precision);
    // Launched graphs write weights and copies, and no version says so: only their own steps may rely on the copies.
    const copies = spectral === "store" ? this.copies : undefined;
    const prepare = (weight: PrepareWeight, name: string) => {
      const stored = this.parameter(`${name}.weight_orig`);
      return weight(stored, heScale(stored.shape), dtype, copies);
    };
    return this.#blocks(
      {
        linear: (name) => prepare(passes.scaled, name),
        upsampled: (name) => prepare(passes.upsampledKernel, name),
        activation: passes.pixelNormLeakyRelu,
        upsampledActivation: passes.upsampledPixelNormLeakyRelu,
      },
      passes,
      dtype,
    );
  }

  /** Block p: (upsampled for p > 0) spectrally normalised convolution, LeakyReLU; and once more. */
  #spectralBlocks(precision: Precision, spectral: SpectralUpdate, passes: Passes): (phase: number) => Layer {
    const dtype = dtypeOf(precision);
    return this.#blocks(
      {
        linear: (name) => this.normalised(name, spectral, passes, dtype),
        upsampled: (name) =>
          scope(() => passes.upsampledKernel(this.normalised(name, spectral, passes, exactOf(precision)), 1, dtype)),
        activation: passes.biasedLeakyRelu,
        upsampledActivation: passes.upsampledLeakyRelu,
      },
      passes,
      dtype,
    );
  }

  #blocks(parts: BlockParts, passes: Passes, dtype: DType): (phase: number) => Layer {
    const plain = (name: string, linear: Linear): Layer => {
      const layer = linear(parts.linear(name));
      const bias = this.parameter(`${name}.bias`);
      return (h) => scope(() => parts.activation(layer(h), bias));
    };
    const upsampled = (name: string, side: number): Layer => {
      const enlarging = passes.enlargingConvolution(this.parameter(`${name}.weight_orig`), dtype, side);
      if (enlarging) return plain(name, enlarging);
      const kernel = parts.upsampled(name);
      const bias = this.parameter(`${name}.bias`);
      return (h) => scope(() => parts.upsampledActivation(passes.upsampledConvolution(h, kernel), bias));
    };
    return (phase) => {
      const name = convolutionName(phase, "first", this.kind);
      const first = phase === 0 ? plain(name, denseTo4x4) : upsampled(name, resolutionOf(phase - 1));
      const second = plain(convolutionName(phase, "second", this.kind), passes.convolution);
      return (h) => scope(() => second(first(h)));
    };
  }

  /** Pictures leave the compute format here. */
  #toRgb(phase: number, precision: Precision): Layer {
    const weight = this.parameter(`to_rgb.${phase}.weight`);
    const layer = rgbConvolution(weight, this.parameter(`to_rgb.${phase}.bias`), precision);
    return (h) => scope(() => layer(h).to(exactOf(precision)));
  }
}

/** Weights of a kind of block by the name of their convolution, and what follows the convolutions. */
interface BlockParts {
  readonly linear: (name: string) => Tensor;
  readonly upsampled: (name: string) => Tensor;
  readonly activation: Activation;
  readonly upsampledActivation: Activation;
}

/** sqrt(2 / fan_in) of a convolution [out, in, h, w]. */
const heScale = ([, into = 1, height = 1, wide = 1]: readonly number[]) => Math.sqrt(2 / (into * height * wide));
