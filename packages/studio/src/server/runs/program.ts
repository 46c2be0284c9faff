// `pioneer` as a process: what needs libtorch is done there.
import { type ChildProcess, spawn } from "node:child_process";
import { closing, StudioError } from "../base/errors.ts";

/** How many short commands (plan, export) may run at once. */
const mostCommands = 2;
const patienceMs = 1500;

export class Program {
  readonly #command: readonly string[];
  readonly #running = new Set<ChildProcess>();
  #closed = false;

  /** @param command a program and its first arguments, which start `pioneer` */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /**
   * Runs a command to its end.
   * @returns the object that it prints
   * @throws StudioError with the command's own line; BUSY
   */
  async result(args: readonly string[]): Promise<Record<string, unknown>> {
    if (this.#closed) throw closing();
    if (this.#running.size >= mostCommands) {
      throw new StudioError(503, "BUSY", `${mostCommands} commands are running already: try again in a few seconds`, 5);
    }
    const [file = "", ...first] = this.#command;
    const child = spawn(file, [...first, ...args, "--json"], { stdio: ["ignore", "pipe", "ignore"] });
    this.#running.add(child);
    try {
      return resultOf(args, await outputOf(child));
    } finally {
      this.#running.delete(child);
    }
  }

  /** Starts a training that goes on when this server ends; its words are the child's to read. */
  train(args: readonly string[]): ChildProcess {
    const [file = "", ...first] = this.#command;
    // A group of its own, which Ctrl-C does not reach.
    return spawn(file, [...first, "train", ...args], { detached: true, stdio: ["ignore", "ignore", "pipe"] });
  }

  /** Ends the short commands, which put away what they have begun. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running].map(endInTime));
  }
}

async function endInTime(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  if (child.exitCode === null && child.signalCode === null) await ended;
  clearTimeout(timer);
}

function outputOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    child.on("error", reject);
    child.on("close", () => resolve(text));
  });
}

function resultOf(args: readonly string[], output: string): Record<string, unknown> {
  let parsed: Record<string, unknown>;
  try {
    parsed = Object(JSON.parse(output)) as Record<string, unknown>;
  } catch (error) {
    const message = `pioneer ${args[0]} ended without an answer, perhaps for lack of memory: try it in a terminal`;
    throw Object.assign(new StudioError(500, "COMMAND", message), { cause: error });
  }
  const { error } = parsed as { error?: { code?: unknown; message?: unknown } };
  if (error) throw new StudioError(error.code === "CONFIG" ? 400 : 409, String(error.code), String(error.message));
  return parsed;
}
