// The pack that a checkpoint was trained on, and which others a run can go on with.

import { DataError } from "../base/errors.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { openPack, type Pack } from "../data/pack/pack.ts";

/** The pack that a checkpoint names; undefined where it is gone, or another one now. */
export function trainedPack({ pack: { path, id } }: CheckpointState): Pack | undefined {
  try {
    const pack = openPack(path);
    return pack.id === id ? pack : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a run can go on with a pack: the one it was trained on, or one of the same images in the same order, at a
 * higher resolution, to grow on. An imported run has not seen a pack of ours; it is bound to the first one that shows
 * images as it knows them.
 * @throws DataError
 */
export function checkPack(state: CheckpointState, pack: Pack): void {
  const { pack: trained, colour, crop, align } = state;
  if (trained.id === pack.id) return;
  if (trained.id === "") {
    if (pack.colour === colour && pack.crop === crop && pack.align === align) return;
    throw new DataError(
      `${pack.path} has ${pack.colour} images ${pack.align ? "aligned by --align" : `cropped "${pack.crop}"`}, the imported run knows ${colour} ones cropped "${crop}": prepare a pack with --colour ${colour} --crop ${crop}`,
    );
  }
  const old = trainedPack(state);
  if (old && old.resolution < pack.resolution && old.imagesId === pack.imagesId) return;
  const mend =
    old && old.resolution < pack.resolution
      ? "a run grows on the same images only, with the same names, splits, crop and colour; give --data a pack of these, or start a new run"
      : "give --data the old one, or start a new run";
  throw new DataError(
    `${pack.path} is not the pack this run was trained on (${trained.path}, id ${trained.id.slice(0, 12)}; now ${pack.id.slice(0, 12)}): ${mend}`,
  );
}
