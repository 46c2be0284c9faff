// The networks as ONNX graphs, of operators that every ONNX Runtime computes well: convolutions and matrix products, pointwise
// ones, ReduceL2, AveragePool, nearest Resize, and those that only move values. What is linear and stands beside a convolution is
// folded into its weights.
import type { Colour } from "pioneer-runtime";
import { graphPorts } from "pioneer-runtime/internal";
import { scope } from "pioneer-torch";
import type { FoldedLayer } from "../networks/folded.ts";
import { type Encoder, type Generator, type Growth, resolutionOf, width } from "../networks/index.ts";
import { GraphBuilder, type WeightFormat } from "./graph-builder.ts";
import {
  convolution,
  convolutionOfRgb,
  denseFrom4x4,
  denseTo4x4,
  leakyRelu,
  normalised,
  pixelNormLeakyRelu,
  pooled,
  rgbConvolution,
  scaled,
  upsampled,
  upsampledConvolution,
} from "./graph-layers.ts";

/** latents [batch, latent] -> images [batch, 3, r, r]; a fade is part of it. */
export function generatorGraph(
  generator: Generator,
  { phase, alpha }: Growth,
  colour: Colour,
  format: WeightFormat,
): GraphBuilder {
  return scope(() => {
    const { blocks, toRgb, toRgbBefore } = generator.folded({ phase, alpha });
    const { input, output } = graphPorts.generator;
    const r = resolutionOf(phase);
    const build = new GraphBuilder("generator", format, { name: input, dims: [generator.size.latent] });
    const isNormed = generator.kind.generatorNorm === "pixel";
    const activated = (name: string, x: string, p: number) =>
      isNormed
        ? pixelNormLeakyRelu(build, name, x, width(generator.size.channels, p, generator.kind), resolutionOf(p))
        : leakyRelu(build, name, x);
    let before: string = input;
    let h: string = input;
    for (const [p, { first, second }] of blocks.entries()) {
      const block = `block${p}`;
      before = h;
      h =
        p === 0
          ? denseTo4x4(build, `${block}.first`, h, first)
          : upsampledConvolution(build, `${block}.first`, h, first);
      h = activated(`${block}.first.activated`, h, p);
      h = convolution(build, `${block}.second`, h, second);
      h = activated(`${block}.second.activated`, h, p);
    }
    const picture = rgbConvolution(build, "rgb", h, scaled(inColour(toRgb, colour), toRgbBefore ? alpha : 1));
    if (toRgbBefore) {
      // A 1x1 convolution of an upsampled image is the upsampled convolution.
      const small = rgbConvolution(build, "rgb.before", before, scaled(inColour(toRgbBefore, colour), 1 - alpha));
      build.node("rgb.faded", "Add", [upsampled(build, "rgb.before.upsampled", small), picture]);
    }
    return build.finish({ name: output, dims: [3, r, r] });
  });
}

/** images [batch, 3, r, r] -> latents [batch, latent], rows of length 1; a fade is part of it. */
export function encoderGraph(encoder: Encoder, { phase, alpha }: Growth, format: WeightFormat): GraphBuilder {
  return scope(() => {
    const { blocks, fromRgb, fromRgbBefore } = encoder.folded({ phase, alpha });
    const { input, output } = graphPorts.encoder;
    const r = resolutionOf(phase);
    const build = new GraphBuilder("encoder", format, { name: input, dims: [3, r, r] });
    let h: string = input;
    for (const [p, { first, second }] of [...blocks.entries()].reverse()) {
      const block = `block${p}`;
      const isNewest = p === phase;
      h = isNewest
        ? convolutionOfRgb(build, `${block}.first`, h, first, fromRgb)
        : convolution(build, `${block}.first`, h, first);
      h = leakyRelu(build, `${block}.first.activated`, h);
      if (p === 0) {
        h = denseFrom4x4(build, `${block}.second`, h, second);
        if (encoder.kind.activatedCode) h = leakyRelu(build, `${block}.second.activated`, h);
        break;
      }
      // LeakyReLU and means keep a factor above 0, so that alpha can stand in the weights before them.
      const isFaded = isNewest && fromRgbBefore !== undefined;
      h = convolution(build, `${block}.second`, h, scaled(second, isFaded ? alpha : 1));
      h = pooled(build, `${block}.pooled`, leakyRelu(build, `${block}.second.activated`, h));
      if (isFaded) {
        const small = pooled(build, "rgb.before.pooled", input);
        h = build.node("rgb.faded", "Add", [
          rgbConvolution(build, "rgb.before", small, scaled(fromRgbBefore, 1 - alpha)),
          h,
        ]);
      }
    }
    normalised(build, "code", h);
    return build.finish({ name: output, dims: [encoder.size.latent] });
  });
}

/** Of a grey model the mean of its three channels, three times (pictures/colour.ts). */
function inColour({ weight, bias }: FoldedLayer, colour: Colour): FoldedLayer {
  if (colour === "rgb") return { weight, bias };
  return { weight: weight.mean([0], true).expand(weight.shape), bias: bias.mean([0], true).expand(bias.shape) };
}
