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

/** Sizes that shape both networks. */
export interface NetworkSize {
  /** Dimension of the latent sphere, n in the paper. */
  readonly latent: number;
  /** Width of the blocks up to 32x32; each later block halves it, down to 1. */
  readonly channels: number;
}

/** Width on the image side of block `phase`: generator blocks end in it, encoder blocks begin with it. */
export function width(channels: number, phase: number): number {
  return phase <= 3 ? channels : Math.max(1, Math.floor(channels / 2 ** (phase - 3)));
}
