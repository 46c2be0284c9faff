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
  const values = valuesOf(latents, dim);
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

/** Undefined where there are other things than numbers. @throws ModelError LATENT for a row that is of another length */
function valuesOf(latents: Latents, dim: number): Float32Array | undefined {
  if (!Array.isArray(latents)) return float32Of(latents);
  // Array.from sees holes too.
  const all = Array.from(latents as readonly unknown[]);
  if (all.every(isNumber)) return Float32Array.from(all);
  const rows = all.map((row): unknown[] => (Array.isArray(row) ? Array.from(row) : [...(float32Of(row) ?? [row])]));
  const numbers = rows.flat();
  if (!numbers.every(isNumber)) return undefined;
  const odd = rows.findIndex(({ length }) => length % dim !== 0);
  if (odd === -1) return Float32Array.from(numbers);
  throw new ModelError("LATENT", `row ${odd + 1} of the latents has ${rows[odd]?.length} numbers, not ${dim}`);
}

const isNumber = (value: unknown): value is number => typeof value === "number";
