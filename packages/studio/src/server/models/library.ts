import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { firstLine } from "pioneer-runtime/internal";
import type { ModelList, UsableModel } from "../../shared/models.ts";
import { isFolderIn } from "../base/confined.ts";
import { notFound, StudioError } from "../base/errors.ts";
import { describeModel, type OpenModel, openModel } from "./model-folder.ts";

/** The models that are open: folders, and the model folders in folders. Each keeps its id as long as the server runs. */
export class Library {
  readonly #places: string[];
  readonly #ids = new Map<string, string>();
  /** Where models are instead that were not to be written to. */
  readonly #moved = new Map<string, string>();

  /** @param places model folders, or folders of such */
  constructor(places: readonly string[]) {
    this.#places = places.map((place) => resolve(place));
  }

  /** What is watched for changes. */
  get places(): readonly string[] {
    return this.#places;
  }

  /** @returns the model's id */
  add(folder: string): string {
    if (!this.#places.includes(folder)) this.#places.push(folder);
    return this.#idOf(folder);
  }

  /** A model is at another place from now on, under the same id. */
  replace(folder: string, by: string): void {
    const [from, to] = [resolve(folder), resolve(by)];
    if (from === to) return;
    this.#moved.set(from, to);
    this.#ids.set(to, this.#idOf(from));
    this.#ids.delete(from);
  }

  async list(): Promise<ModelList> {
    const folders = await this.#folders();
    return Promise.all(folders.map((folder) => describeModel(this.#idOf(folder), folder)));
  }

  /** The folder of a model. @throws StudioError MISSING */
  async folderOf(id: string): Promise<string> {
    const [known] = [...this.#ids].find(([, one]) => one === id) ?? [];
    const folder = known ?? (await this.#folders()).find((one) => this.#idOf(one) === id);
    if (folder !== undefined) return folder;
    throw notFound(`there is no model ${JSON.stringify(id)}: GET api/models lists those there are`);
  }

  /** A model to compute with. @throws StudioError DAMAGED with what is wrong with its folder */
  async open(id: string): Promise<OpenModel> {
    const folder = await this.folderOf(id);
    try {
      return await openModel(folder);
    } catch (error) {
      throw new StudioError(409, "DAMAGED", firstLine(error));
    }
  }

  /** @throws StudioError DAMAGED */
  async describe(id: string): Promise<UsableModel> {
    const model = await describeModel(id, await this.folderOf(id));
    if (!model.usable) throw new StudioError(409, "DAMAGED", model.problem);
    return model;
  }

  /** Every model folder, in the order of the places, each once. */
  async #folders(): Promise<string[]> {
    const found = await Promise.all(this.#places.map(modelFoldersAt));
    return [...new Set(found.flat().map((folder) => this.#moved.get(folder) ?? folder))];
  }

  #idOf(folder: string): string {
    const known = this.#ids.get(folder);
    if (known !== undefined) return known;
    const taken = new Set(this.#ids.values());
    const name =
      basename(folder)
        .replaceAll(/[^A-Za-z0-9._-]/g, "-")
        .replace(/^[.-]+/, "")
        .slice(0, 100) || "model";
    let id = name;
    for (let number = 2; taken.has(id); number++) id = `${name}-${number}`;
    this.#ids.set(folder, id);
    return id;
  }
}

/** A folder with a config.json is one model, also where that is damaged; any other holds models. */
async function modelFoldersAt(place: string): Promise<string[]> {
  if (existsSync(join(place, "config.json"))) return [place];
  const names = await readdir(place).catch(() => undefined);
  if (names === undefined) return [place];
  const found = await Promise.all(
    names
      .sort()
      .map(async (name) =>
        (await isFolderIn(place, name)) && (await looksLikeModel(join(place, name))) ? [join(place, name)] : [],
      ),
  );
  return found.flat();
}

/** Beside models lie runs, whose config.json says how many thousand images each phase gets. */
async function looksLikeModel(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, "config.json"), "utf8").catch(() => undefined);
  if (text === undefined) return existsSync(join(folder, "generator.onnx"));
  return !/"kimgPerPhase"/.test(text);
}
