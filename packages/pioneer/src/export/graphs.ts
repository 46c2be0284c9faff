// The networks as ONNX graphs, of operators that every ONNX Runtime computes well: convolutions and matrix products, pointwise
// ones, ReduceL2, AveragePool, nearest Resize, and those that only move values. What is linear and stands beside a convolution is
// folded into its weights. Convolutions take the form with which ONNX Runtime computes them faster (graph-tiles.ts).
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
  type Shape,
  scaled,
  upsampled,
} from "./graph-layers.ts";
import { isTiled, joined, pooledTiles, rgbOfTiles, tiledConvolution, upsampledConvolution } from "./graph-tiles.ts";
import { tileSide } from "./winograd.ts";

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
    const activated = (name: string, x: string, of: Shape) =>
      isNormed ? pixelNormLeakyRelu(build, `${name}.activated`, x, of) : leakyRelu(build, `${name}.activated`, x);
    const rgb = scaled(inColour(toRgb, colour), toRgbBefore ? alpha : 1);
    let before: string = input;
    let h: string = input;
    let picture = "";
    for (const [p, { first, second }] of blocks.entries()) {
      const [c, r] = [width(generator.size.channels, p, generator.kind), resolutionOf(p)];
      const [one, two] = [`block${p}.first`, `block${p}.second`];
      before = h;
      h =
        p === 0
          ? denseTo4x4(build, one, h, first)
          : joined(build, `${one}.joined`, upsampledConvolution(build, one, h, first, r / 2), c, r, 2);
      h = activated(one, h, { c, r });
      if (isTiled(c, c, r)) {
        const tiles = activated(two, tiledConvolution(build, two, h, second, r), { c });
        // RGB has fewer values to put together.
        if (p === phase) picture = rgbOfTiles(build, "rgb", tiles, rgb, r);
        else h = joined(build, `${two}.joined`, tiles, c, r, tileSide);
      } else {
        h = activated(two, convolution(build, two, h, second), { c, r });
        if (p === phase) picture = rgbConvolution(build, "rgb", h, rgb);
      }
    }
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
      const side = resolutionOf(p);
      h = isNewest
        ? leakyRelu(build, `${block}.first.activated`, convolutionOfRgb(build, `${block}.first`, h, first, fromRgb))
        : activatedConvolution(build, `${block}.first`, h, first, side);
      if (p === 0) {
        h = denseFrom4x4(build, `${block}.second`, h, second);
        if (encoder.kind.activatedCode) h = leakyRelu(build, `${block}.second.activated`, h);
        break;
      }
      // LeakyReLU and means keep a factor above 0, so that alpha can stand in the weights before them.
      const isFaded = isNewest && fromRgbBefore !== undefined;
      h = pooledConvolution(build, `${block}.second`, h, scaled(second, isFaded ? alpha : 1), side);
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

/** Convolution and LeakyReLU, [batch, in, r, r] -> [batch, out, r, r]. */
function activatedConvolution(build: GraphBuilder, name: string, x: string, layer: FoldedLayer, r: number): string {
  const { h, out, inTiles } = eitherConvolution(build, name, x, layer, r);
  return inTiles ? joined(build, `${name}.joined`, h, out, r, tileSide) : h;
}

/** Convolution, LeakyReLU and means over 2x2 squares, [batch, in, r, r] -> [batch, out, r / 2, r / 2]. */
function pooledConvolution(build: GraphBuilder, name: string, x: string, layer: FoldedLayer, r: number): string {
  const { h, out, inTiles } = eitherConvolution(build, name, x, layer, r);
  return inTiles ? pooledTiles(build, `${name}.pooled`, h, out, r) : pooled(build, `${name}.pooled`, h);
}

/** Convolution and LeakyReLU in the form that is faster: an image of `out` channels, or tiles of it. */
function eitherConvolution(build: GraphBuilder, name: string, x: string, layer: FoldedLayer, r: number) {
  const [out, into] = layer.weight.shape as [number, number];
  const inTiles = isTiled(into, out, r);
  const h = inTiles ? tiledConvolution(build, name, x, layer, r) : convolution(build, name, x, layer);
  return { h: leakyRelu(build, `${name}.activated`, h), out, inTiles };
}

/** Of a grey model the mean of its three channels, three times (pictures/colour.ts). */
function inColour({ weight, bias }: FoldedLayer, colour: Colour): FoldedLayer {
  if (colour === "rgb") return { weight, bias };
  return { weight: weight.mean([0], true).expand(weight.shape), bias: bias.mean([0], true).expand(bias.shape) };
}
