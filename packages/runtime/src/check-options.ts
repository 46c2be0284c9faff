import { ModelError } from "./errors.ts";
import { kindOf } from "./realm.ts";

/**
 * Options that nobody knows are refused, a misspelt one would change nothing, in silence; and a signal that is none.
 * @param who   for the message, such as "decode"
 * @param known each option's name
 * @throws ModelError OPTION
 */
export function checkOptions(who: string, options: unknown, known: readonly string[]): void {
  if (kindOf(options) !== "Object") {
    const got = typeof options === "string" ? JSON.stringify(options) : String(options);
    throw new ModelError("OPTION", `${who}: its options are an object with ${known.join(", ")}, got ${got}`);
  }
  const unknown = Object.keys(options as object).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ModelError("OPTION", `${who}: there is no option "${unknown}", only ${known.join(", ")}`);
  }
  const { signal } = options as { readonly signal?: unknown };
  if (signal !== undefined && kindOf(signal) !== "AbortSignal") {
    throw new ModelError("OPTION", `${who}: signal: expected that of an AbortController, got ${kindOf(signal)}`);
  }
}
