import { join } from "node:path";
import { latentLoop, loopLength } from "pioneer-runtime";
import type { Model } from "pioneer-runtime/internal";
import { type AnimationOptions, animate } from "./animation.ts";

export interface WalkOptions extends AnimationOptions {
  readonly out: string;
  /** The same seed gives the same walk. */
  readonly seed: number;
}

/** Radians a second, at most: pictures that change more quickly are not seen. */
const pace = 1;

/**
 * Decodes a closed random walk over the sphere into walk.gif, walk.mp4 or both. A longer one goes farther at the same pace.
 * @returns the files, and the angle from each frame to the next in radians
 * @throws DataError naming the file that cannot be written
 */
export async function writeWalk(model: Model, options: WalkOptions): Promise<{ files: string[]; angle: number }> {
  const { out, seed, fps, seconds = 12 } = options;
  const { latent } = model;
  const frames = Math.max(2, Math.round(seconds * fps));
  const turns = turnsFor(seconds, latent);
  const latents = latentLoop(frames, latent, turns, seed);
  const files = await animate(model, latents, join(out, "walk"), options);
  return { files, angle: loopLength(turns) / frames };
}

/** As many frequencies as the pace allows, from 2 on (1 is a great circle) if the space has room for them. */
export function turnsFor(seconds: number, latent: number): number {
  let turns = 2;
  while (loopLength(turns + 1) <= pace * seconds) turns++;
  return Math.min(turns, Math.floor(latent / 2));
}
