// Runs that are planned, started, stopped and gone on with, by `pioneer train`.
import type { RunSummary, TrainOptions } from "../../shared/runs.ts";
import { StudioError } from "../base/errors.ts";
import { trainerOf } from "./lock.ts";
import type { Program } from "./program.ts";
import type { Runs } from "./runs.ts";
import type { Starting } from "./starting.ts";

export class Trainer {
  readonly #program: Program;
  readonly #runs: Runs;
  readonly #starting: Starting;

  constructor(program: Program, runs: Runs, starting: Starting) {
    this.#program = program;
    this.#runs = runs;
    this.#starting = starting;
  }

  /** What a run would cost. @throws StudioError with what is wrong with the options */
  async plan(id: string, options: TrainOptions): Promise<Record<string, unknown>> {
    const folder = await this.#runs.newFolder(id);
    return this.#program.result(["train", ...flagsOf({ ...options, run: folder }), "--plan"]);
  }

  async start(id: string, options: TrainOptions): Promise<RunSummary> {
    const folder = await this.#runs.newFolder(id);
    this.#starting.add(id, this.#program.train(flagsOf({ ...options, run: folder })));
    return this.#runs.summary(id);
  }

  async resume(id: string, maxMinutes: number | undefined): Promise<RunSummary> {
    const folder = await this.#runs.folderOf(id);
    const { state, problem } = await this.#runs.summary(id);
    if (state === "running" || state === "starting") {
      throw new StudioError(409, "RUNNING", `${folder} is being trained already`);
    }
    if (problem !== null && !this.#starting.get(id)) throw new StudioError(409, "DAMAGED", problem);
    this.#starting.add(id, this.#program.train(flagsOf({ run: folder, resume: true, maxMinutes })));
    return this.#runs.summary(id);
  }

  /** Asks whoever trains a run to write a checkpoint and to end. @throws StudioError STOPPED where nobody does */
  async stop(id: string): Promise<void> {
    const started = this.#starting.get(id);
    // Before it has a folder: it is packing.
    const folder = await this.#runs.folderOf(id).catch((error: unknown) => {
      if (!started) throw error;
      return undefined;
    });
    const pid = folder === undefined ? undefined : await trainerOf(folder);
    if (pid !== undefined) return interrupt(pid, id);
    if (!started?.isRunning) throw new StudioError(409, "STOPPED", `nobody trains ${id} now`);
    started.child.kill("SIGINT");
  }
}

function interrupt(pid: number, id: string): void {
  try {
    process.kill(pid, "SIGINT");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StudioError(
      409,
      "STOPPED",
      `process ${pid}, which trains ${id}, cannot be stopped (${code}): is it yours?`,
    );
  }
}

/** kimgPerPhase: 20 -> --kimg-per-phase=20. A value never is a flag of its own. */
function flagsOf(options: Readonly<Record<string, string | number | boolean | undefined>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined || value === false) return [];
    return [value === true ? flag : `${flag}=${value}`];
  });
}
