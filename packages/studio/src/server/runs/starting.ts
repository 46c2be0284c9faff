import type { ChildProcess } from "node:child_process";

interface Started {
  readonly child: ChildProcess;
  /** Its process has not ended. */
  readonly isRunning: boolean;
  /** In one line why it ended, if that was no orderly end. */
  readonly problem: string | null;
}

/** Trainings that this server started: until they have a folder, and if they fail, nobody else knows of them. */
export class Starting {
  readonly #started = new Map<string, { child: ChildProcess; problem: string | null }>();
  readonly #onChange: () => void;

  /** @param onChange when a process ended */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  ids(): string[] {
    return [...this.#started.keys()];
  }

  get(id: string): Started | undefined {
    const found = this.#started.get(id);
    return found && { ...found, isRunning: found.child.exitCode === null && found.child.signalCode === null };
  }

  add(id: string, child: ChildProcess): void {
    const started: { child: ChildProcess; problem: string | null } = { child, problem: null };
    this.#started.set(id, started);
    let lastWords = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      lastWords = (lastWords + text).slice(-2000);
    });
    child.on("error", (error) => {
      started.problem = `pioneer train could not be started: ${error.message}`;
      this.#onChange();
    });
    child.on("close", (code) => {
      if (code === 1 || code === 2)
        started.problem = lastLine(lastWords) ?? `pioneer train ended with exit code ${code}`;
      // What ended well is told by its folder.
      else if (started.problem === null) this.#started.delete(id);
      this.#onChange();
    });
  }

  /** Lets go of the processes, which go on. */
  close(): void {
    for (const { child } of this.#started.values()) {
      child.stderr?.destroy();
      child.unref();
    }
  }
}

/** "pioneer: what is wrong", without the name. */
function lastLine(text: string): string | undefined {
  const lines = text.split("\n").filter((line) => line.startsWith("pioneer: "));
  return lines.at(-1)?.slice("pioneer: ".length);
}
