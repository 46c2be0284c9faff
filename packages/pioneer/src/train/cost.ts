import type { LayerUse } from "../compute/convolution-choice.ts";
import type { Recipe } from "../config/recipe.ts";
import { convolutionFlops, encoderConvolutions, generatorConvolutions } from "../networks/convolutions.ts";
import { type NetworkKind, type NetworkSize, resolutionOf, width } from "../networks/index.ts";
import { objectiveOf, type Passes } from "../objectives/index.ts";

/** Multiply-adds times two of a 4x4 image through a matrix product with 16 taps. */
const denseFlops = (into: number, out: number) => 2 * 16 * into * out;

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

/** Work of one image through G at a phase, as it is done: an upsampled 3x3 convolution as four 2x2 ones. */
const generatorPass = (size: NetworkSize, phase: number, kind: NetworkKind): number =>
  denseFlops(size.latent, size.channels) + sumOf(generatorConvolutions(size, phase, kind).map(convolutionFlops));

/** The same through E, whose newest convolution sees the picture itself. */
function encoderPass(size: NetworkSize, phase: number, kind: NetworkKind): number {
  const ofRgb = {
    into: 4,
    out: width(size.channels, Math.max(0, phase - 1), kind),
    side: resolutionOf(phase),
    enlarging: false,
  };
  const convolutions = [ofRgb, ...encoderConvolutions(size, phase, kind)];
  return denseFlops(size.channels, size.latent) + sumOf(convolutions.map(convolutionFlops));
}

/** Of one image in a training step. accv2018, with two generator updates: 10 passes through E, 9 through G. */
export function flopsPerImage(size: NetworkSize, phase: number, recipe: Recipe): number {
  const { encoder, generator, exactEncoder } = objectiveOf(recipe).passes();
  const count = ({ forward, toData, toWeights }: Passes) => forward + toData + toWeights;
  const kind = recipe.networks;
  return (
    (count(encoder) + exactEncoder) * encoderPass(size, phase, kind) +
    count(generator) * generatorPass(size, phase, kind)
  );
}

/** The 3x3 convolutions of both networks at a phase, each with how often an image of a step passes it. */
export function layersOfStep(size: NetworkSize, phase: number, recipe: Recipe): LayerUse[] {
  const { encoder, generator } = objectiveOf(recipe).passes();
  return [
    ...generatorConvolutions(size, phase, recipe.networks).map((layer) => ({ layer, ...generator })),
    ...encoderConvolutions(size, phase, recipe.networks).map((layer) => ({ layer, ...encoder })),
  ];
}
