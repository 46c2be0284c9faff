import type { Pack } from "../data/pack/pack.ts";

/** Held-out images for the grids; training images where nothing was held out. */
export const gridSplit = (pack: Pack): Uint32Array => {
  const { test, train } = pack.splits;
  return (test?.length ? test : train) as Uint32Array;
};
