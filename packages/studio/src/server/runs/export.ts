// A checkpoint as a model folder in the cache, so that it can be tried.
import { createHash } from "node:crypto";
import { mkdir, readdir, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Library } from "../models/library.ts";
import { describeModel } from "../models/model-folder.ts";
import type { Program } from "./program.ts";
import { checkpointOf } from "./run-folder.ts";
import type { Runs } from "./runs.ts";

/** So many exports are kept; older ones are made again where they are wanted. */
const kept = 24;

export class CheckpointExports {
  readonly #cache: string;
  readonly #program: Program;
  readonly #runs: Runs;
  readonly #library: Library;
  /** Exports under way, by folder: two clicks make one. */
  readonly #making = new Map<string, Promise<void>>();

  /** @param cache a folder for them, made when it is needed */
  constructor(cache: string, program: Program, runs: Runs, library: Library) {
    this.#cache = cache;
    this.#program = program;
    this.#runs = runs;
    this.#library = library;
  }

  /** @returns the id of the model; it is open now. @throws StudioError */
  async open(run: string, name: string): Promise<string> {
    const { path, version } = await checkpointOf(await this.#runs.folderOf(run), name);
    const digest = createHash("sha256").update(`${path} ${version}`).digest("hex").slice(0, 12);
    const out = join(this.#cache, digest, `${run}-${name}`);
    const making = this.#making.get(out) ?? this.#make(path, out).finally(() => this.#making.delete(out));
    this.#making.set(out, making);
    await making;
    return this.#library.add(out);
  }

  async #make(checkpoint: string, out: string): Promise<void> {
    const { usable } = await describeModel("cached", out);
    await mkdir(dirname(out), { recursive: true });
    if (!usable) await this.#program.result(["export", `--run=${checkpoint}`, `--out=${out}`, "--force"]);
    const now = new Date();
    await utimes(dirname(out), now, now);
    await this.#prune();
  }

  /** Removes those that were not opened for longest, but none that is open. */
  async #prune(): Promise<void> {
    const folders = (await readdir(this.#cache)).map((name) => join(this.#cache, name));
    const dated = await Promise.all(folders.map(async (folder) => ({ folder, at: (await stat(folder)).mtimeMs })));
    const open = new Set(this.#library.places.map(dirname));
    const old = dated.sort((a, b) => b.at - a.at).slice(kept);
    for (const { folder } of old) if (!open.has(folder)) await rm(folder, { recursive: true, force: true });
  }
}
