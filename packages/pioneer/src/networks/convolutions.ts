// The 3x3 convolutions that a phase is made of: nearly all of its work.
import type { ConvolutionLayer } from "pioneer-torch";
import { type NetworkSize, resolutionOf, width } from "./growth.ts";
import { type NetworkKind, pioneerKind } from "./kind.ts";

/** Of G at a phase, in the order of its layers. Its first layer is a matrix product. */
export function generatorConvolutions(
  { channels }: NetworkSize,
  phase: number,
  kind: NetworkKind = pioneerKind,
): ConvolutionLayer[] {
  return Array.from({ length: phase + 1 }, (_, p) => {
    const out = width(channels, p, kind);
    const second = { into: out, out, side: resolutionOf(p), enlarging: false };
    return p === 0
      ? [second]
      : [{ ...second, into: width(channels, p - 1, kind), side: resolutionOf(p - 1), enlarging: true }, second];
  }).flat();
}

/** Of E at a phase, but for the newest, which sees the four channels of a picture. Its blocks are wider than G's. */
export function encoderConvolutions(
  { channels }: NetworkSize,
  phase: number,
  kind: NetworkKind = pioneerKind,
): ConvolutionLayer[] {
  return Array.from({ length: phase + 1 }, (_, p) => {
    const out = width(channels, Math.max(0, p - 1), kind);
    const second = { into: out, out, side: resolutionOf(p), enlarging: false };
    return [...(p < phase ? [{ ...second, into: width(channels, p, kind) }] : []), ...(p > 0 ? [second] : [])];
  }).flat();
}

/** Multiply-adds times two of one image: an enlarging convolution is computed as four 2x2 ones of the small image. */
export const convolutionFlops = ({ into, out, side, enlarging }: ConvolutionLayer): number =>
  2 * into * out * (enlarging ? 16 * (side + 1) ** 2 : 9 * side ** 2);
