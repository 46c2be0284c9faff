import { z } from "zod";
import { ConfigError } from "../base/errors.ts";
import { blockCount, phaseOf, resolutionOf } from "../networks/growth.ts";

// Options as values of zod schemas: one table gives a command its flags, its help, its checks and its types.

/** What is said of an option beside its schema. */
export interface OptionInfo {
  /** What it is; range and default come from the schema. Of a switch that is on by default, what `--no-` does. */
  readonly description: string;
  /** A remark after the range. */
  readonly note?: string;
  /** What holds where it is left out, in words; where the schema has a default, what to say of that value. */
  readonly default?: string;
  /** Name of the value in the help; none for a switch. */
  readonly value?: string;
  /** Heading in the help. */
  readonly group?: string;
}

/** What the command line needs to know of an option beside its schema. */
export interface OptionHelp {
  /** The line in the help. */
  readonly line: string;
  readonly value: string | undefined;
  readonly group: string | undefined;
}

/** An option: what it accepts, and what the help says. */
export function option<T extends z.ZodType>(schema: T, info: OptionInfo): T {
  const { description, note = "", default: words = "", value, group } = info;
  const line = [`${description}${rangeOf(schema)}`, note, defaultOf(schema, words)].filter(Boolean).join("; ");
  return schema.meta({ help: { line, value, group } satisfies OptionHelp });
}

/** What `option` noted. */
export const helpOf = (schema: z.ZodType): OptionHelp => schema.meta()?.help as OptionHelp;

/** What a schema takes inside its default and optional wrappers. */
export function innerOf(schema: z.ZodType): z.ZodType {
  return "innerType" in schema.def ? innerOf(schema.def.innerType as z.ZodType) : schema;
}

const rangeOf = (schema: z.ZodType): string => (innerOf(schema).meta()?.range as string | undefined) ?? "";

function defaultOf(schema: z.ZodType, words: string): string {
  const value = schema.safeParse(undefined).data;
  if (typeof value === "string" || typeof value === "number") return `default ${[value, words].join(" ").trim()}`;
  return words && `default: ${words}`;
}

// Schemas whose error message says what was expected; `parseOptions` puts the flag before it and the value after it.
// What they accept is what the help says, by `range`.

/** A number within bounds that are one text for the message and the help. */
function numbers(what: "a number" | "a whole number", bounds: string, within: (value: number) => boolean) {
  const error = `${what} ${bounds}`;
  const number = what === "a number" ? z.number(error) : z.int(error);
  return number.refine(within, error).meta({ range: `, ${bounds}` });
}

/** "from 2" or "from 2 to 4096" */
const fromTo = (min: number, max: number) => `from ${min}${max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ""}`;

const between = (min: number, max: number) => (value: number) => value >= min && value <= max;

export const whole = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  numbers("a whole number", fromTo(min, max), between(min, max));

export const number = (min: number, max = Number.POSITIVE_INFINITY) =>
  numbers("a number", fromTo(min, max), between(min, max));

export const positive = (max = Number.POSITIVE_INFINITY) =>
  numbers("a number", `above 0${max < Number.POSITIVE_INFINITY ? `, at most ${max}` : ""}`, (x) => x > 0 && x <= max);

/** From 0, below 1. */
export const share = () => numbers("a number", "from 0, below 1", (value) => value >= 0 && value < 1);

/** 4 to 1024 pixels, 4 · 2^phase. */
export function resolution() {
  const error = `a power of two from ${resolutionOf(0)} to ${resolutionOf(blockCount - 1)}`;
  return z
    .number(error)
    .refine(isResolution, error)
    .meta({ range: `, ${error}` });
}

export const isResolution = (value: number): boolean => phaseOf(value) !== undefined;

export function text(expected: string) {
  return z.string(expected).min(1, expected);
}

/** @param meanings of values that do not speak for themselves, for the help */
export function oneOf<const T extends readonly [string, ...string[]]>(
  values: T,
  meanings: { readonly [value in T[number]]?: string } = {},
) {
  const told = values.map((value: T[number]) => value + (meanings[value] === undefined ? "" : ` (${meanings[value]})`));
  const range = `: ${told.slice(0, -1).join(", ")} or ${told.at(-1)}`;
  return z.enum(values, values.join(" or ")).meta({ range });
}

export function toggle() {
  return z.boolean("true or false");
}

/** An option that may be given several times. */
export function repeated(expected: string) {
  return z.array(text(expected), expected).meta({ range: ", may be given again" }).default([]);
}

/** kimgPerPhase -> --kimg-per-phase */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A value as messages show it. */
export function shown(value: unknown): string {
  return value === undefined ? "not set" : typeof value === "string" ? value : JSON.stringify(value);
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
