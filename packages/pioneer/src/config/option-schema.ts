import { z } from "zod";
import { ConfigError } from "../base/errors.ts";

// Options as values of zod schemas: one table gives a command its flags, its help, its checks and its types.

/** What the command line needs to know of an option beside its schema. */
export interface OptionInfo {
  /** Range, unit and default in words: the line in the help. Of a switch that is on by default, what `--no-` does. */
  readonly description: string;
  /** Name of the value in the help; none for a switch. */
  readonly value?: string;
  /** Heading in the help. */
  readonly group?: string;
}

/** An option: what it accepts, and what the help says. */
export function option<T extends z.ZodType>(schema: T, info: OptionInfo): T {
  return schema.meta({ ...info });
}

// Schemas whose error message says what was expected; `parseOptions` puts the flag before it and the value after it.

export function whole(min: number, max = Number.MAX_SAFE_INTEGER) {
  const error = max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`;
  return z.number(error).int(error).min(min, error).max(max, error);
}

export function positive(max = Number.POSITIVE_INFINITY) {
  const error = max === Number.POSITIVE_INFINITY ? "a number above 0" : `a number above 0, at most ${max}`;
  return z.number(error).positive(error).max(max, error);
}

/** From 0, below 1. */
export function share() {
  const error = "a number from 0, below 1";
  return z.number(error).min(0, error).lt(1, error);
}

export function text(expected: string) {
  return z.string(expected).min(1, expected);
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, values.join(" or "));
}

export function toggle() {
  return z.boolean("true or false");
}

/** An option that may be given several times. */
export function repeated(expected: string) {
  return z.array(text(expected), expected).default([]);
}

/** 4 to 1024 pixels, 4 · 2^phase. */
export function resolution() {
  const error = "a power of two from 4 to 1024";
  return z.number(error).refine(isResolution, error);
}

export function isResolution(value: number): boolean {
  return value >= 4 && value <= 1024 && Number.isInteger(Math.log2(value));
}

/** kimgPerPhase -> --kimg-per-phase */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Checks options from flags, a file or a program and fills in the defaults.
 * @throws ConfigError naming the first wrong flag, its value and what was expected
 */
export function parseOptions<T extends z.ZodObject>(schema: T, raw: unknown): z.infer<T> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") {
    const known = Object.keys(schema.shape).join(", ");
    throw new ConfigError(`unknown option "${issue.keys[0]}" in the configuration; it knows ${known}`);
  }
  const key = issue?.path[0];
  if (key === undefined) throw new ConfigError(`expected an object of options, got ${JSON.stringify(raw)}`);
  const value = (raw as Record<string, unknown>)[String(key)];
  const problem = value === undefined ? "is missing: give" : "expected";
  const got = value === undefined ? "" : `, got ${JSON.stringify(value)}`;
  throw new ConfigError(`${flagOf(String(key))}${value === undefined ? " " : ": "}${problem} ${issue?.message}${got}`);
}
