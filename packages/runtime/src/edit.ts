import { ModelError } from "./errors.ts";
import type { DirectionsFile, LearnedDirection } from "./folder.ts";
import { normalizeLatents } from "./latent.ts";
import { kindOf } from "./realm.ts";

/** Beyond it squares are no longer numbers. */
const largestShift = 1e100;

/** A longer move makes another picture of one: a latent's length is 1. */
export const longestMove = 0.6;

/** Of `reachOf`. */
const reaches = { least: 0.1, most: 3 };

/**
 * The strength at which a slider or a strip along a direction ends, either way: where the move is 0.6 long.
 * @returns a number of tenths from 0.1 to 3, rounded down
 */
export function reachOf({ unit }: Pick<LearnedDirection, "unit">): number {
  const tenths = Math.floor((10 * longestMove) / unit + 1e-9);
  return Math.min(reaches.most, Math.max(reaches.least, tenths / 10));
}

/** Seven strengths from one end to the other. @param reach the last of them */
export const stripStrengths = (reach: number): number[] => [-3, -2, -1, 0, 1, 2, 3].map((third) => (third * reach) / 3);

/** How far to go along each direction, by name; 1 is the spread of the attribute, below 0 the other way. */
export type Strengths = Readonly<Record<string, number>>;

/**
 * z' = normalise(z + Σ strength · unit · vector), for each latent.
 * @param latents [count * latent], rows of length 1
 * @throws ModelError OPTION for a name that is not in the file or a strength that is not finite
 */
export function edit(
  latents: Float32Array,
  strengths: Strengths,
  { latent, directions }: DirectionsFile,
): Float32Array {
  if (kindOf(strengths) !== "Object") {
    throw new ModelError("OPTION", `edit: expected strengths by name, such as {smile: 1.5}, got ${kindOf(strengths)}`);
  }
  const shift = new Float64Array(latent);
  for (const [name, strength] of Object.entries(strengths)) {
    const direction = Object.hasOwn(directions, name) ? directions[name] : undefined;
    if (!direction) {
      const names = Object.keys(directions);
      const mend = names.length > 0 ? `there are ${names.join(", ")}` : "none were learned yet: pioneer directions";
      throw new ModelError("OPTION", `there is no direction "${name}"; ${mend}`);
    }
    if (!Number.isFinite(strength)) throw new ModelError("OPTION", `${name}: expected a number, got ${strength}`);
    for (const [i, value] of direction.vector.entries())
      shift[i] = (shift[i] as number) + strength * direction.unit * value;
  }
  if (!shift.every((value) => Math.abs(value) < largestShift))
    throw new ModelError(
      "OPTION",
      "the strengths are too large: a slider ends at the reach of its direction, at most 3",
    );
  return shifted(latents, shift);
}

/** z' = normalise(z + shift), for each latent. @param latents [count * latent] @param shift [latent] */
export function shifted(latents: Float32Array, shift: Float64Array): Float32Array {
  const moved = new Float64Array(latents.length);
  for (let at = 0; at < latents.length; at++)
    moved[at] = (latents[at] as number) + (shift[at % shift.length] as number);
  return normalizeLatents(moved, shift.length);
}
