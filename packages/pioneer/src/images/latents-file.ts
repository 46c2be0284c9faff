// Latents kept in a file, to be used again: .npy for NumPy, .safetensors with the names of what they are latents of. Only the
// second needs libtorch, so that model folders work where it is not installed.
import { stat } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { latentRow, normalizeLatents } from "pioneer-runtime";
import { makeFolders, onDisk } from "../base/disk.ts";
import { ConfigError, DataError } from "../base/errors.ts";
import { kindOfFile } from "../base/file-kind.ts";
import { checkReadable, parseJson, readWhole } from "../base/read.ts";
import { writeBeside, writeWhole } from "../base/write.ts";
import type { Rows } from "./latents-tensor.ts";
import { fromNpy, toNpy } from "./npy.ts";

export interface SavedLatents {
  /** [names.length, latent], rows of length 1. */
  readonly latents: Float32Array;
  /** What they are latents of, photos for instance; the file itself where it does not say. */
  readonly names: readonly string[];
  /** With what they were made, where the file says so. */
  readonly model?: { readonly name: string; readonly kimg: number } | undefined;
}

/** Latents of half a million photos, each 512 numbers. */
const mostBytes = 2 ** 30;
/** Rows may be this far from length 1: what float32, and float16 before it, leave. */
const lengthTolerance = 1e-3;

/** What a file of latents is by its name. @throws ConfigError for other names */
export function latentsFormat(path: string): "npy" | "safetensors" {
  const ending = extname(path).toLowerCase();
  if (ending === ".npy" || ending === ".safetensors") return ending === ".npy" ? "npy" : "safetensors";
  throw new ConfigError(`${path}: latents are kept in .npy or .safetensors files: give it such a name`);
}

/**
 * Refuses a place for latents, before any work. Only latents give way to others.
 * @throws ConfigError for a name of another kind; DataError where another file is, or one without `force`
 */
export async function checkLatentsPlace(path: string, force: boolean): Promise<void> {
  const format = latentsFormat(path);
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || (info.isFile() && info.size === 0)) return;
  if (!info.isFile()) throw new DataError(`${path} is no file: give another name`);
  try {
    await readRows(path, format);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(
      `${path} is ${await kindOfFile(path)}, not latents, and --force replaces latents only: give another name`,
      { cause: error },
    );
  }
  if (!force) throw new DataError(`${path} exists; choose another name, or replace it with --force`);
}

/** Writes latents whole. @throws DataError if the disk refuses */
export async function writeLatents(path: string, { latents, names, model }: SavedLatents): Promise<void> {
  const columns = latents.length / names.length;
  if (latentsFormat(path) === "npy") return writeWhole(path, toNpy({ values: latents, columns }));
  await onDisk(path, async () => makeFolders(dirname(path)));
  const { writeTensor } = await import("./latents-tensor.ts");
  const metadata = { photos: JSON.stringify(names), ...(model && { model: model.name, kimg: String(model.kimg) }) };
  await writeBeside(path, async (beside) => writeTensor(beside, { values: latents, columns, metadata }));
}

/**
 * Reads latents of a model; rows that are not of length 1, as means and sums are, are brought to the sphere.
 * @param latent numbers of a latent
 * @returns also how many rows had another length
 * @throws DataError in one line: no such file, of another kind or model, without a row, or with one that has no direction
 */
export async function readLatents(path: string, latent: number): Promise<SavedLatents & { readonly moved: number }> {
  const { values, columns, metadata } = await readRows(path, latentsFormat(path));
  const count = values.length / columns;
  if (columns !== latent) {
    throw new DataError(
      `${path} holds latents of ${columns} numbers, the model's have ${latent}: they are of another model`,
    );
  }
  if (count === 0) throw new DataError(`${path} holds no latent: give another file`);
  let moved = 0;
  for (let row = 0; row < count; row++) {
    const length = Math.hypot(...latentRow(values, latent, row));
    if (!(length > 0 && length < Infinity)) {
      throw new DataError(
        `${path}: latent ${row + 1} of ${count} has length ${length}, and no direction: leave it out`,
      );
    }
    if (Math.abs(length - 1) > lengthTolerance) moved++;
  }
  return {
    latents: moved > 0 ? normalizeLatents(values, latent) : values,
    names: namesOf(metadata.photos, count) ?? Array(count).fill(path),
    model: modelOf(metadata),
    moved,
  };
}

/** @throws DataError */
async function readRows(path: string, format: "npy" | "safetensors"): Promise<Rows> {
  if (format === "safetensors") {
    checkReadable(path, mostBytes);
    return (await import("./latents-tensor.ts")).readTensor(path);
  }
  const file = await readWhole(path, mostBytes);
  try {
    return { ...fromNpy(file), metadata: {} };
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${path} ${error.message}`, { cause: error });
    throw error;
  }
}

function modelOf({ model: name, kimg }: Rows["metadata"]): SavedLatents["model"] {
  return name !== undefined && Number.isFinite(Number(kimg)) ? { name, kimg: Number(kimg) } : undefined;
}

/** Names of a file's rows as it tells them; undefined where it tells none or others. */
function namesOf(text: string | undefined, count: number): string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const names = parseJson(text);
    const areNames = Array.isArray(names) && names.length === count && names.every((name) => typeof name === "string");
    return areNames ? (names as string[]) : undefined;
  } catch {
    return undefined;
  }
}
