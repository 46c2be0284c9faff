import { type RandomGenerator, rand, randn, scope, type Tensor, zeros } from "pioneer-torch";
import { blockCount, type Growth, type NetworkSize, width } from "./growth.ts";
import { convolution, denseTo4x4, dtypeOf, type Layer, type Linear, type Precision, rgbConvolution } from "./layers.ts";
import { addConvolutionShapes, Network, shapeIn } from "./network.ts";
import type { Passes, PrepareWeight } from "./passes.ts";

/** Latents on the sphere to images: [batch, latent] -> [batch, 3, r, r], float32, about [-1, 1], not clamped. */
export type Generate = (z: Tensor) => Tensor;

/** One of the two convolutions of a block; the numbers are the authors' positions in their sequence. */
const convolutionName = (phase: number, position: 0 | 3) => `progression.${phase}.conv.${position}.conv`;

/**
 * G: z -> image (ALGORITHM section 2). Block p: upsample (p > 0), then twice [conv, PixelNorm, LeakyReLU]; the newest
 * block's picture is blended with the previous one's by alpha.
 * @see PIONEER, arXiv:1807.03026, section 3; layers of Karras et al. 2018
 */
export class Generator extends Network {
  /** Shapes of all parameters by name, in the checkpoint's order. */
  static shapes({ latent, channels }: NetworkSize): Map<string, number[]> {
    const shapes = new Map<string, number[]>();
    for (let phase = 0; phase < blockCount; phase++) {
      const out = width(channels, phase);
      const first = phase === 0 ? [out, latent, 4, 4] : [out, width(channels, phase - 1), 3, 3];
      addConvolutionShapes(shapes, convolutionName(phase, 0), first);
      addConvolutionShapes(shapes, convolutionName(phase, 3), [out, out, 3, 3]);
      shapes.set(`to_rgb.${phase}.weight`, [3, out, 1, 1]);
      shapes.set(`to_rgb.${phase}.bias`, [3]);
    }
    return shapes;
  }

  /** Random weights: convolutions N(0, 1) with zero bias, to_rgb uniform in ±1/sqrt(its width). */
  static create(size: NetworkSize, random: RandomGenerator): Generator {
    const generator = new Generator(size);
    for (const [name, shape] of Generator.shapes(size)) {
      const [part, block] = name.split(".");
      const bound = 1 / Math.sqrt(width(size.channels, Number(block)));
      if (part === "to_rgb") generator.add(name, rand(shape, random, -bound, bound));
      else generator.add(name, name.endsWith(".bias") ? zeros(shape) : randn(shape, random));
    }
    return generator;
  }

  /** A generator with these weights. @param prefix what stands before each name, for instance "generator." */
  static from(tensors: ReadonlyMap<string, Tensor>, prefix: string): Generator {
    const [channels, latent] = shapeIn(tensors, `${prefix}${convolutionName(0, 0)}.weight_orig`);
    const generator = new Generator({ latent, channels });
    generator.load(tensors, prefix, Generator.shapes(generator.size));
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
   * Prepares the weights once (equalised scale, format) and returns the network as a function.
   * Under noGrad() the weights are constants, but gradients still flow through the function to z.
   * @param passes "composed" ones where a second derivative is wanted
   */
  prepare({ phase, alpha }: Growth, precision: Precision, passes = this.passes(precision)): Generate {
    const block = this.#blocks(precision, passes);
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

  /** Block p: (upsampled for p > 0) convolution, PixelNorm, LeakyReLU; and once more. */
  #blocks(precision: Precision, passes: Passes): (phase: number) => Layer {
    const dtype = dtypeOf(precision);
    const prepare = (weight: PrepareWeight, name: string) =>
      weight(this.parameter(`${name}.weight_orig`), this.#scale(name), dtype, this.copies);

    const activated = (name: string, linear: Linear): Layer => {
      const layer = linear(prepare(passes.scaled, name));
      const bias = this.parameter(`${name}.bias`);
      return (h) => scope(() => passes.pixelNormLeakyRelu(layer(h), bias));
    };
    const upsampled = (name: string): Layer => {
      const kernel = prepare(passes.upsampledKernel, name);
      const bias = this.parameter(`${name}.bias`);
      return (h) => scope(() => passes.upsampledPixelNormLeakyRelu(passes.upsampledConvolution(h, kernel), bias));
    };
    return (phase) => {
      const name = convolutionName(phase, 0);
      const first = phase === 0 ? activated(name, denseTo4x4) : upsampled(name);
      const second = activated(convolutionName(phase, 3), convolution);
      return (h) => scope(() => second(first(h)));
    };
  }

  /** Equalised learning rate: the stored weight is ~N(0, 1), the used one is scaled by sqrt(2 / fan_in). */
  #scale(name: string): number {
    const [, into = 1, height = 1, wide = 1] = this.parameter(`${name}.weight_orig`).shape;
    return Math.sqrt(2 / (into * height * wide));
  }

  /** Pictures leave the compute format here. */
  #toRgb(phase: number, precision: Precision): Layer {
    const weight = this.parameter(`to_rgb.${phase}.weight`);
    const layer = rgbConvolution(weight, this.parameter(`to_rgb.${phase}.bias`), precision);
    return (h) => scope(() => layer(h).to(precision === "fp64" ? "float64" : "float32"));
  }
}
