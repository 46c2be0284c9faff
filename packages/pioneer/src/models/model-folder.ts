// A model folder on disk: written beside and renamed into place, read back, its files compared with their digests.
import { createHash } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { ModelConfig } from "pioneer-runtime";
import { graphPorts, graphProblem, modelConfig, modelFormat } from "pioneer-runtime/internal";
import { z } from "zod";
import { diskError, onDisk } from "../base/disk.ts";
import { DataError } from "../base/errors.ts";
import { largestGraph, openFileLater, parseJson, readText, readWhole } from "../base/read.ts";
import { createWith } from "../base/write.ts";

export const modelConfigFile = "config.json";
export const cardFile = "README.md";
/** All networks as they were trained; only where it was asked for. */
export const weightsFile = "model.safetensors";

/** Whether a folder looks like a model folder: a run's config.json has no format. */
export async function isModelFolder(path: string): Promise<boolean> {
  const text = await readText(join(path, modelConfigFile)).catch(() => "");
  try {
    const { format, files } = Object(parseJson(text)) as Record<string, unknown>;
    return typeof format === "number" && typeof files === "object";
  } catch {
    return false;
  }
}

/** @throws DataError if there is none, it is damaged, or its format is newer */
export async function readModelConfig(folder: string): Promise<ModelConfig> {
  const path = join(folder, modelConfigFile);
  const text = await readText(path);
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (error) {
    throw new DataError(`${path} is not JSON (${(error as Error).message}): export the model again`, { cause: error });
  }
  const { format } = Object(parsed) as Record<string, unknown>;
  if (typeof format === "number" && format > modelFormat) {
    throw new DataError(`${path} has format ${format}, newer than this program's ${modelFormat}: update pioneer`);
  }
  const checked = modelConfig.safeParse(parsed);
  if (!checked.success) {
    const [line] = z.prettifyError(checked.error).split("\n");
    throw new DataError(`${path} does not describe a model: ${line}; export the model again`);
  }
  return checked.data;
}

/**
 * Compares every listed file with its size and digest, and looks into graphs.
 * @throws DataError naming the first that is missing, not as it was written, or that would have other files read
 */
export async function verifyModelFolder(folder: string): Promise<ModelConfig> {
  const config = await readModelConfig(folder);
  for (const name of Object.keys(config.files)) await verifyModelFile(folder, name, config);
  for (const { file } of Object.values(graphPorts)) {
    if (!(file in config.files)) continue;
    const problem = graphProblem(await readWhole(join(folder, file), largestGraph));
    if (problem !== undefined) throw new DataError(`${join(folder, file)} ${problem}: export the model again`);
  }
  return config;
}

/** Compares one file with its size and digest. @throws DataError */
export async function verifyModelFile(
  folder: string,
  name: string,
  { files }: Pick<ModelConfig, "files">,
): Promise<void> {
  const path = join(folder, name);
  if (!existsSync(path)) throw new DataError(`${path} is missing: copy the whole model folder, or export it again`);
  const expected = files[name];
  const { bytes, sha256 } = await digestFile(path);
  if (bytes !== expected?.bytes || sha256 !== expected.sha256) {
    throw new DataError(`${path} was changed or cut short (its sha256 differs): copy or export the model again`);
  }
}

export async function digestFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  await onDisk(path, async () => {
    const { file } = await openFileLater(path);
    try {
      for await (const part of file.createReadStream({ autoClose: false })) {
        hash.update(part as Buffer);
        bytes += (part as Buffer).length;
      }
    } finally {
      await file.close();
    }
  });
  return { bytes, sha256: hash.digest("hex") };
}

/**
 * Writes a small file of a model folder anew, with its digest in config.json: what `pioneer directions` learned, for instance.
 * Both are written beside, then renamed one after the other.
 * @throws DataError if the disk refuses, or the folder holds no model
 */
export async function replaceModelFile(folder: string, name: string, contents: string): Promise<void> {
  const config = await readModelConfig(folder);
  const sha256 = createHash("sha256").update(contents).digest("hex");
  const files = { ...config.files, [name]: { bytes: Buffer.byteLength(contents), sha256 } };
  const texts = { [name]: contents, [modelConfigFile]: modelConfigText({ ...config, files }) };
  const paths = Object.keys(texts).map((file) => join(folder, file));
  try {
    for (const [file, text] of Object.entries(texts)) createWith(`${join(folder, file)}.writing`, text);
    for (const path of paths) renameSync(`${path}.writing`, path);
  } catch (error) {
    throw diskError(error, folder);
  } finally {
    for (const path of paths) rmSync(`${path}.writing`, { force: true });
  }
}

export const modelConfigText = (config: ModelConfig): string => `${JSON.stringify(config, null, 2)}\n`;

/**
 * Refuses a folder that something else is in.
 * @param force a model folder may be replaced
 * @throws DataError
 */
export async function checkTarget(out: string, force: boolean): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (!found) return;
  if (!found.isDirectory()) throw new DataError(`${out} is a file: give --out the name of a new folder`);
  if ((await onDisk(out, () => readdir(out))).length === 0) return;
  if (!(await isModelFolder(out))) {
    throw new DataError(`${out} holds something that is not a model folder: give --out the name of a new folder`);
  }
  if (!force) throw new DataError(`${out} already holds a model: give --out another folder, or --force to replace it`);
  const known = [modelConfigFile, cardFile, ...Object.keys((await readModelConfig(out)).files)];
  const other = (await onDisk(out, () => readdir(out))).find((name) => !known.includes(name));
  if (other !== undefined) {
    throw new DataError(`${out} holds ${other} beside its model, which --force would remove: move it away first`);
  }
}

/** The name by which people know a model. */
export const modelName = (out: string): string => basename(resolve(out));
