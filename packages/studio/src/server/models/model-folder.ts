import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { type ModelConfig, Pioneer } from "pioneer-runtime";
import { firstLine } from "pioneer-runtime/internal";
import type { BrokenModel, UsableModel } from "../../shared/models.ts";
import { fileOf } from "../base/confined.ts";

/** Files that a page reads of a model beside those its config.json lists. */
export const ownFiles = ["config.json", "README.md"] as const;

/** A card longer than this is not shown. */
const mostCardBytes = 256 * 1024;

/** What a model folder is now. @returns what is wrong with it, in one line, where something is */
export async function describeModel(id: string, folder: string): Promise<UsableModel | BrokenModel> {
  const name = basename(folder);
  try {
    const config = await readConfig(folder);
    const version = await versionOf(folder, config);
    const { resolution, latent, channels, colour, crop, align, recipe, dtype, kimg, files } = config;
    const bytes = Object.values(partsOf(config)).reduce((sum, part) => sum + part.bytes, 0);
    const hasEncoder = "encoder.onnx" in files;
    const directions = (await directionNames(folder, config)).length;
    const [facts, seen] = [
      { resolution, latent, channels, recipe, dtype, kimg, bytes },
      { colour, crop, align },
    ];
    return { usable: true, id, name, version, ...facts, ...seen, hasEncoder, directions, card: await readCard(folder) };
  } catch (error) {
    return { usable: false, id, name, problem: firstLine(error) };
  }
}

const computedFiles = ["encoder.onnx", "generator.onnx", "directions.json"];

/** Files of a model that are computed with, as config.json lists them. */
export const partsOf = ({ files }: ModelConfig): ModelConfig["files"] =>
  Object.fromEntries(Object.entries(files).filter(([name]) => computedFiles.includes(name)));

/** config.json, checked. @throws ModelError in one line */
export async function readConfig(folder: string): Promise<ModelConfig> {
  const model = await Pioneer.load(folder, { parts: [] });
  return model.config;
}

/** Changes with the folder's files. @throws Error for one that is missing or cut short */
async function versionOf(folder: string, config: ModelConfig): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(config));
  for (const [name, { bytes }] of Object.entries(config.files)) {
    const found = await fileOf(folder, name).then(stat, () => undefined);
    if (!found) throw new Error(`${folder}/${name} is missing: copy the whole model folder, or export it again`);
    if (found.size !== bytes) {
      const wrong = `has ${found.size} bytes, config.json says ${bytes}`;
      throw new Error(`${folder}/${name} ${wrong}: copy the model folder again, or export it again`);
    }
    hash.update(`${name} ${found.mtimeMs} `);
  }
  return hash.digest("hex").slice(0, 16);
}

/** What computing with a model needs to know of its folder. */
export interface OpenModel {
  readonly folder: string;
  readonly version: string;
  readonly latent: number;
}

/** @throws Error in one line for a folder that is damaged */
export async function openModel(folder: string): Promise<OpenModel> {
  const config = await readConfig(folder);
  return { folder, version: await versionOf(folder, config), latent: config.latent };
}

async function directionNames(folder: string, config: ModelConfig): Promise<readonly string[]> {
  if (!("directions.json" in config.files)) return [];
  const model = await Pioneer.load(folder, { parts: ["directions"] });
  return model.directions.map(({ name }) => name);
}

async function readCard(folder: string): Promise<string | null> {
  try {
    const path = await fileOf(folder, "README.md");
    return (await stat(path)).size > mostCardBytes ? null : await readFile(path, "utf8");
  } catch {
    return null;
  }
}

/** Whether a page may read a file of this name in a model folder. @throws ModelError */
export async function isModelFile(folder: string, name: string): Promise<boolean> {
  if (ownFiles.some((file) => file === name)) return true;
  return Object.hasOwn((await readConfig(folder)).files, name);
}
