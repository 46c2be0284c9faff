import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { idSchema } from "../../shared/models.ts";
import type { RunSummary } from "../../shared/runs.ts";
import { isFolderIn } from "../base/confined.ts";
import { notFound, StudioError } from "../base/errors.ts";
import { isRun, readRun } from "./run-folder.ts";
import type { Starting } from "./starting.ts";

/** The runs of one folder. */
export class Runs {
  readonly folder: string;
  readonly #starting: Starting;

  /** @param starting runs that this server has started */
  constructor(folder: string, starting: Starting) {
    this.folder = resolve(folder);
    this.#starting = starting;
  }

  /** Names of the runs, those that are about to begin among them. */
  async ids(): Promise<string[]> {
    const names = (await readdir(this.folder).catch(() => [])).filter((name) => idSchema.safeParse(name).success);
    const found = await Promise.all(names.map(async (name) => ((await this.#holdsRun(name)) ? [name] : [])));
    return [...new Set([...found.flat(), ...this.#starting.ids()])].sort();
  }

  async list(): Promise<RunSummary[]> {
    return Promise.all((await this.ids()).map((id) => this.summary(id)));
  }

  /** @throws StudioError MISSING */
  async summary(id: string): Promise<RunSummary> {
    const started = this.#starting.get(id);
    const run = (await this.#holdsRun(id)) ? await readRun(id, join(this.folder, id)) : undefined;
    if (!run && !started) throw missing(id);
    const facts = run ?? nothingYet(id);
    const problem = started?.problem ?? facts.problem;
    return started?.isRunning && facts.state !== "running"
      ? { ...facts, state: "starting", problem }
      : { ...facts, problem };
  }

  /** The folder of a run. @throws StudioError MISSING, also where a link leads out of the folder of runs */
  async folderOf(id: string): Promise<string> {
    if (!(await this.#holdsRun(id))) throw missing(id);
    return join(this.folder, id);
  }

  /** Where a new run goes. @throws StudioError EXISTS */
  async newFolder(id: string): Promise<string> {
    const folder = join(this.folder, id);
    if (this.#starting.get(id)?.isRunning || existsSync(folder)) {
      throw new StudioError(409, "EXISTS", `${folder} is there already: give the run another name, or go on with it`);
    }
    return folder;
  }

  async #holdsRun(id: string): Promise<boolean> {
    return (await isFolderIn(this.folder, id)) && isRun(join(this.folder, id));
  }
}

const missing = (id: string) =>
  notFound(`there is no run ${JSON.stringify(id)} (any more): GET api/runs lists those there are`);

/** A run that has no folder yet. */
const nothingYet = (id: string): RunSummary => ({
  id,
  state: "stopped",
  problem: null,
  data: null,
  recipe: null,
  latent: null,
  channels: null,
  last: null,
  checkpoints: [],
});
