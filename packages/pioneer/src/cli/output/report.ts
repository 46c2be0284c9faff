import { diskError } from "../../base/disk.ts";
import { exitCodes, PioneerError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";

/** Where a command's words go: for people on stdout, with --json one object on stdout and everything else on stderr. */
export class Output {
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** The stream of `log`, where a progress bar may be drawn. */
  get stream(): NodeJS.WriteStream {
    return this.json ? process.stderr : process.stdout;
  }

  /** A line for people; what names in it bring along cannot make it two. */
  log(line: string): void {
    this.stream.write(`${printable(line)}\n`);
  }

  /** The one object for machines; called once, at the end. */
  result(value: Readonly<Record<string, unknown>>): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** What was written and what to do next: the end of a command that makes files. */
  wrote(files: readonly string[], next: string): void {
    for (const file of shorten(files)) this.log(`wrote ${file}`);
    this.log(`next: ${next}`);
  }
}

/** A long list is read by its ends; --json has all of it. */
function shorten(files: readonly string[]): string[] {
  if (files.length <= 24) return [...files];
  return [...files.slice(0, 3), `... (${files.length - 6} more)`, ...files.slice(-3)];
}

/**
 * Says what went wrong in one line on stderr, with --json also as an object on stdout.
 * @param debug adds the stack and its causes
 * @returns the exit code
 */
export function reportError(thrown: unknown, { json, debug }: { json: boolean; debug: boolean }): number {
  const error = asPioneerError(thrown);
  const line = printable(error.message.trim().replace(/\s*\n\s*/g, " "));
  process.stderr.write(`pioneer: ${line}\n`);
  if (debug) console.error(thrown);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code: error.code, message: line } })}\n`);
  return error.exitCode;
}

/** Errors of ours pass, what a disk or a library says becomes one of ours. */
function asPioneerError(thrown: unknown): PioneerError {
  const path = thrown instanceof Error && "path" in thrown && typeof thrown.path === "string" ? thrown.path : "disk";
  const error = diskError(thrown, path);
  if (error instanceof PioneerError) return error;
  if (!(error instanceof Error)) return new PioneerError("UNEXPECTED", String(error), exitCodes.failed);
  const [line = ""] = error.message.split("\n");
  // Errors of pioneer-torch and pioneer-runtime carry a code and say everything in their first line.
  if ("code" in error && typeof error.code === "string") {
    return new PioneerError(error.code, line, error.code === "OPTION" ? exitCodes.usage : exitCodes.failed);
  }
  return new PioneerError("UNEXPECTED", `${line || error.name} (unexpected; --debug shows where)`, exitCodes.failed);
}
