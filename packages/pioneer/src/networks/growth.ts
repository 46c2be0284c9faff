import type { NetworkKind } from "./kind.ts";

/** Blocks in each network; they all exist from the start, and growing only brings them into use. */
export const blockCount = 9;

/** Where a network stands in its growth. */
export interface Growth {
  /** Newest block in use; images are 4 · 2^phase wide. */
  readonly phase: number;
  /** Weight of the newest block's output in [0, 1]; 1 once it is faded in. */
  readonly alpha: number;
}

export const resolutionOf = (phase: number): number => 4 * 2 ** phase;

/** @returns the phase of a resolution that is 4 · 2^phase, else undefined */
export function phaseOf(resolution: number): number | undefined {
  const phase = Math.log2(resolution / 4);
  return Number.isInteger(phase) && phase >= 0 && phase < blockCount ? phase : undefined;
}

/** Dimensions of latents, and channels, are no more. */
export const largestWidth = 4096;

/** Sizes that shape both networks. */
export interface NetworkSize {
  /** Dimension of the latent sphere, n in the paper. */
  readonly latent: number;
  /** Width of the widest blocks. */
  readonly channels: number;
}

/** A kind's channelBase, also where none is said: 32 times the widest. */
export const baseOf = (channels: number, channelBase: number | undefined): number => channelBase ?? 32 * channels;

/**
 * Width on the image side of block `phase`: generator blocks end in it, encoder blocks begin with it.
 * @param channels that of the widest blocks
 * @param kind its channelBase says where the blocks become narrower; without one above 32x32, where each halves it
 */
export function width(channels: number, phase: number, { channelBase }: NetworkKind): number {
  return Math.max(1, Math.min(channels, Math.floor(baseOf(channels, channelBase) / resolutionOf(phase))));
}
