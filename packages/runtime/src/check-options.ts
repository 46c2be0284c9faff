import { ModelError } from "./errors.ts";
import { kindOf } from "./realm.ts";

/**
 * Options that nobody knows are refused: a misspelt one would change nothing, in silence.
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
  if (unknown === undefined) return;
  throw new ModelError("OPTION", `${who}: there is no option "${unknown}", only ${known.join(", ")}`);
}
