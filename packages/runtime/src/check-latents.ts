import { ModelError } from "./errors.ts";
import { latentRow } from "./latent.ts";
import { float32Of, kindOf } from "./realm.ts";

/**
 * Latents in: [count * latent] as a Float32Array or as plain numbers, such as JSON gives them, or a list of latents.
 * Rows have length 1.
 */
export type Latents = Float32Array | readonly number[] | readonly (Float32Array | readonly number[])[];

/** Latents may be this far from length 1: what float32, and weights stored as float16, leave. */
const lengthTolerance = 1e-3;

/**
 * @returns [count * dim]
 * @throws ModelError LATENT that names the first row that is wrong, from 1 on
 */
export function readLatents(latents: Latents, dim: number): Float32Array {
  const values = valuesOf(latents);
  if (!values) {
    const kind = kindOf(latents);
    const mend = kind === "Object" ? "; into JSON write [...latents]" : "";
    throw new ModelError("LATENT", `latents are a Float32Array, or numbers, in rows of ${dim}, got ${kind}${mend}`);
  }
  const count = values.length / dim;
  if (!Number.isInteger(count)) {
    throw new ModelError(
      "LATENT",
      `expected a whole number of latents of ${dim} numbers, got ${values.length} numbers`,
    );
  }
  for (let row = 0; row < count; row++) {
    const length = Math.hypot(...latentRow(values, dim, row));
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
  return values;
}

/** Undefined where there are other things than numbers. */
function valuesOf(latents: Latents): Float32Array | undefined {
  if (!Array.isArray(latents)) return float32Of(latents);
  const parts = (latents as readonly unknown[]).map((part) =>
    Array.isArray(part) ? part : (float32Of(part) ?? [part]),
  );
  const numbers = parts.flatMap((part) => [...part] as unknown[]);
  return numbers.every((value) => typeof value === "number") ? Float32Array.from(numbers) : undefined;
}
