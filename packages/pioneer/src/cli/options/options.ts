import { type Command, Option } from "commander";
import type { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { flagOf, helpOf, innerOf, parseOptions } from "../../config/option-schema.ts";
import { Output } from "../output/report.ts";

/** What every command knows beside its own options. */
export interface Context {
  readonly output: Output;
  /** Show stacks. */
  readonly debug: boolean;
}

/** A command's own part: a name, what it takes, an example, and the work. */
export interface CommandSpec<T extends z.ZodObject> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Positional arguments as commander writes them: "<image...>". */
  readonly args?: string;
  readonly schema: T;
  /** What follows `pioneer`. */
  readonly examples: readonly string[];
  /** @returns the exit code, 0 if nothing is returned */
  readonly run: (options: z.infer<T>, args: readonly string[], context: Context) => Promise<number | undefined>;
  /** For a command that mends its options before they are checked; `options` are those given, unchecked. */
  readonly prepare?: (given: Readonly<Record<string, unknown>>) => Promise<z.infer<T>>;
}

/** Adds a command whose flags, help and checks come from its schema. */
export function addCommand<T extends z.ZodObject>(parent: Command, spec: CommandSpec<T>): void {
  const command = parent.command(spec.name).summary(spec.summary).description(spec.summary);
  if (spec.args !== undefined) command.arguments(spec.args);
  for (const [key, schema] of Object.entries(spec.schema.shape)) {
    for (const flag of flagsOf(key, schema as z.ZodType)) command.addOption(flag);
  }
  // Only where help is shown, as how we are called is looked up on the disk.
  command.addHelpText(
    "after",
    () => `\nExamples:\n${spec.examples.map((line) => `  $ ${commandLine(line)}`).join("\n")}`,
  );
  command.action(async () => {
    const globals = command.optsWithGlobals<{ json?: boolean; debug?: boolean }>();
    const context = { output: new Output(globals.json === true), debug: globals.debug === true };
    const given = givenOptions(command, Object.keys(spec.schema.shape));
    const options = spec.prepare ? await spec.prepare(given) : parseOptions(spec.schema, given);
    process.exitCode = (await spec.run(options, command.args, context)) ?? 0;
  });
}

/** The flag of an option, and for a switch that is on its `--no-` form, which is the one the help shows. */
function flagsOf(key: string, schema: z.ZodType): Option[] {
  const { line, value, group = "Options" } = helpOf(schema);
  const heading = `${group}:`;
  if (value !== undefined) {
    const valued = new Option(`${flagOf(key)} <${value}>`, line).helpGroup(heading);
    const { type } = innerOf(schema).def;
    if (type === "array") return [valued.argParser(collect)];
    return [type === "number" ? valued.argParser(readNumber) : valued];
  }
  const on = new Option(flagOf(key), line).helpGroup(heading);
  if (schema.safeParse(undefined).data !== true) return [on];
  const off = new Option(flagOf(key).replace("--", "--no-"), line).helpGroup(heading);
  return [on.hideHelp(), off];
}

/** The values of a flag that is given several times. */
const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** "0.5" -> 0.5; what is not a number stays text, which the schema then refuses. */
function readNumber(value: string): number | string {
  return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}

/** Only what stands on the command line: defaults are the schema's business, and a configuration file's. */
function givenOptions(command: Command, keys: readonly string[]): Record<string, unknown> {
  const given = keys.filter((key) => command.getOptionValueSource(key) === "cli");
  return Object.fromEntries(given.map((key) => [key, command.getOptionValue(key)]));
}
