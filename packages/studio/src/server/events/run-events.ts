import { join } from "node:path";
import type { Library } from "../models/library.ts";
import { readGrids } from "../runs/pictures.ts";
import type { Runs } from "../runs/runs.ts";
import { endOfTicks, readTicks } from "../runs/stats.ts";
import { FolderWatch } from "./folder-watch.ts";
import type { Hub } from "./hub.ts";

/** What was last told of a run. */
interface Told {
  readonly summary: string;
  readonly cursor: string;
  readonly grids: ReadonlyMap<string, number>;
}

/** Compares what is on the disk with what was told, and tells the difference, as long as somebody listens. */
export class RunEvents {
  readonly #hub: Hub;
  readonly #library: Library;
  readonly #runs: Runs;
  readonly #watch = new FolderWatch(() => this.#look());
  readonly #told = new Map<string, Told>();
  #ids: string | undefined;
  #models: string | undefined;

  constructor(hub: Hub, library: Library, runs: Runs) {
    this.#hub = hub;
    this.#library = library;
    this.#runs = runs;
    hub.onSilence = () => this.rest();
  }

  /** Begins to watch, for a listener that is about to come: what it reads afterwards is no older than what is compared with. */
  begin(): Promise<void> {
    return this.#watch.start();
  }

  /** Something changed that no folder tells, or is to be told at once. */
  now(): void {
    if (!this.#hub.isSilent) this.#watch.now();
  }

  /** Nobody listens any more: whoever comes next reads everything anew. */
  rest(): void {
    this.#watch.stop();
    this.#told.clear();
    this.#ids = undefined;
    this.#models = undefined;
  }

  async #look(): Promise<void> {
    const ids = await this.#runs.ids();
    const { folder } = this.#runs;
    this.#watch.watch([folder, ...ids.map((id) => join(folder, id)), ...this.#library.places]);
    const [before, now] = [this.#ids, ids.join("/")];
    this.#ids = now;
    if (before !== undefined && before !== now) this.#hub.emit("runs", {});
    for (const id of this.#told.keys()) if (!ids.includes(id)) this.#told.delete(id);
    for (const id of ids) await this.#lookAt(id).catch(() => this.#told.delete(id));
    await this.#lookAtModels();
  }

  async #lookAt(id: string): Promise<void> {
    const path = join(this.#runs.folder, id);
    const { last, ...facts } = await this.#runs.summary(id);
    const summary = JSON.stringify(facts);
    const grids = await readGrids(path);
    const byName = new Map(grids.map(({ name, modified }) => [name, modified]));
    const told = this.#told.get(id);
    if (!told) {
      // What there was before anybody listened, a page reads for itself.
      this.#told.set(id, { summary, cursor: await endOfTicks(path), grids: byName });
      return;
    }
    const { ticks, next, restarted } = await readTicks(path, told.cursor);
    this.#told.set(id, { summary, cursor: next, grids: byName });
    if (told.summary !== summary) this.#hub.emit("run", { ...facts, last });
    if (ticks.length > 0 || restarted) this.#hub.emit("stats", { run: id, from: told.cursor, ticks, next, restarted });
    const fresh = grids.filter(({ name, modified }) => told.grids.get(name) !== modified);
    if (fresh.length > 0) this.#hub.emit("grids", { run: id, grids: fresh });
  }

  async #lookAtModels(): Promise<void> {
    const now = JSON.stringify(await this.#library.list());
    const before = this.#models;
    this.#models = now;
    if (before !== undefined && before !== now) this.#hub.emit("models", {});
  }
}
