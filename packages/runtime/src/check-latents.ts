import { ModelError } from "./errors.ts";
import { latentRow } from "./latent.ts";

/** Latents may be this far from length 1: what float32, and weights stored as float16, leave. */
const lengthTolerance = 1e-3;

/**
 * @param latents [count * dim], rows of length 1
 * @param count   how many there must be
 * @returns how many there are
 * @throws ModelError LATENT that names the first row that is wrong, from 1 on
 */
export function checkLatents(latents: Float32Array, dim: number, count?: number): number {
  if (!(latents instanceof Float32Array)) {
    throw new ModelError("LATENT", `latents are a Float32Array of rows of ${dim} numbers, got ${typeof latents}`);
  }
  const found = latents.length / dim;
  if (!Number.isInteger(found) || (count !== undefined && count !== found)) {
    const expected = count ?? "a whole number of";
    throw new ModelError("LATENT", `expected ${expected} latents of ${dim} numbers, got ${latents.length} numbers`);
  }
  for (let row = 0; row < found; row++) {
    const length = Math.hypot(...latentRow(latents, dim, row));
    if (!Number.isFinite(length)) {
      throw new ModelError("LATENT", `latent ${row + 1} has a value that is not a finite number`);
    }
    if (Math.abs(length - 1) > lengthTolerance) {
      throw new ModelError(
        "LATENT",
        `latent ${row + 1} has length ${length.toPrecision(4)}, not 1: divide it by its length (normalizeLatents)`,
      );
    }
  }
  return found;
}
