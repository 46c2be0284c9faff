import { existsSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { commandLine } from "../base/command-line.ts";
import { ConfigError, exitCodes } from "../base/errors.ts";
import { shellWord } from "../base/shell-word.ts";
import { withoutDebuggerSignal } from "../base/signals.ts";
import { version } from "../base/version.ts";
import { addDatasetCommands } from "./commands/dataset.ts";
import { addDecodeCommand } from "./commands/decode.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addDirectionsCommand } from "./commands/directions.ts";
import { addEditCommand } from "./commands/edit.ts";
import { addEncodeCommand } from "./commands/encode.ts";
import { addEvaluateCommand } from "./commands/evaluate.ts";
import { addExportCommand } from "./commands/export.ts";
import { addImportCommand } from "./commands/import.ts";
import { addInfoCommand } from "./commands/info.ts";
import { addInterpolateCommand } from "./commands/interpolate.ts";
import { addReconstructCommand } from "./commands/reconstruct.ts";
import { addSampleCommand } from "./commands/sample.ts";
import { addStudioCommand } from "./commands/studio.ts";
import { addTrainCommand } from "./commands/train.ts";
import { reportError } from "./output/report.ts";

/**
 * The command line: parses, runs one command and sets the process's exit code; an error is one line on stderr.
 * The commands' files load libtorch and sharp only when they run, so that help is quick and works without them.
 * @param argv as in process.argv
 */
export async function main(argv: readonly string[]): Promise<void> {
  withoutDebuggerSignal();
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (goOnWithoutOutput(error)) process.stderr.write(`pioneer: the output is not whole: ${error.message}\n`);
  });
  process.stderr.on("error", goOnWithoutOutput);
  const program = buildProgram();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    const flags = { json: argv.includes("--json"), debug: argv.includes("--debug") };
    process.exitCode =
      error instanceof CommanderError ? endOfParsing(error, helpFor(program, argv), flags) : reportError(error, flags);
  }
}

/** Every command with its options; nothing is run. */
export function buildProgram(): Command {
  const program = new Command("pioneer")
    .description(
      "PIONEER Networks: learn how a kind of image is structured; reconstruct, sample and morph such images.",
    )
    .version(version)
    .option("--json", "one JSON object on stdout, everything else on stderr")
    .option("--debug", "show the stack of an error")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    // Errors of parsing are thrown, and printed by endOfParsing like every other error.
    .configureOutput({ outputError: () => undefined })
    .addHelpText(
      "after",
      () =>
        `\nExample:\n  $ ${commandLine("demo --minutes 8")}\n\nExit codes: 0 done, 1 failed, 2 wrong options, 130 interrupted, 143 terminated`,
    );
  addTrainCommand(program);
  addDatasetCommands(program);
  addReconstructCommand(program);
  addSampleCommand(program);
  addInterpolateCommand(program);
  addEncodeCommand(program);
  addDecodeCommand(program);
  addDirectionsCommand(program);
  addEditCommand(program);
  addEvaluateCommand(program);
  addImportCommand(program);
  addExportCommand(program);
  addStudioCommand(program);
  addInfoCommand(program);
  addDemoCommand(program);
  return program;
}

/** Help and version are no errors; everything else that commander throws is a wrong command line. */
function endOfParsing(error: CommanderError, help: string, flags: { json: boolean; debug: boolean }): number {
  if (error.exitCode === 0) return exitCodes.done;
  // Help shown because no command was given: it is on stderr already.
  if (error.code === "commander.help") return exitCodes.usage;
  const message = `${error.message.replace(/^error: /, "")}; ${mendOfFlag(error.message) ?? `see ${help}`}`;
  return reportError(new ConfigError(message, { cause: error }), flags);
}

/** A file whose name begins with "-" is taken for an option. */
function mendOfFlag(message: string): string | undefined {
  const word = /unknown option '(-[^']*)'/.exec(message)?.[1];
  return word !== undefined && existsSync(word) ? `if the file is meant, write ${shellWord(`./${word}`)}` : undefined;
}

/** The command whose help lists what was meant. */
function helpFor(program: Command, argv: readonly string[]): string {
  const words: string[] = [];
  let command = program;
  for (const word of argv.slice(2)) {
    command = command.commands.find((child) => child.name() === word) ?? command;
    if (command.name() === word) words.push(word);
  }
  return commandLine([...words, "--help"].join(" "));
}

/**
 * A reader that went away, as in `pioneer info | head -1`, a terminal that was closed or a log on a full disk is no reason to
 * stop training. Where a disk refused, the exit code says that the output is not whole.
 * @returns whether that is to be told: for the first time, of a disk
 */
function goOnWithoutOutput({ code }: NodeJS.ErrnoException): boolean {
  if (["EPIPE", "EIO", "ENXIO"].includes(code ?? "") || process.exitCode === exitCodes.failed) return false;
  process.exitCode = exitCodes.failed;
  return true;
}
