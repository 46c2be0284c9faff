// directions.json of a run or a model folder.
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { DirectionsFile } from "pioneer-runtime";
import { directionsFile, type LearnedDirection, modelFormat } from "pioneer-runtime/internal";
import { diskError } from "../base/disk.ts";
import { DataError } from "../base/errors.ts";
import { parseJson, readTextSync } from "../base/read.ts";
import { replaceFile } from "../base/write.ts";
import { isModelFolder, replaceModelFile } from "../models/model-folder.ts";

export const directionsFileName = "directions.json";

export type Direction = LearnedDirection;

/** @throws DataError if it cannot be read, has another number of coordinates or a newer format */
export function readDirections(path: string, latent: number): DirectionsFile {
  let parsed: unknown;
  try {
    parsed = parseJson(readTextSync(path));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new DataError(`${path} cannot be read (${error.message}): give another file, or mend this one`, {
        cause: error,
      });
    }
    throw diskError(error, path);
  }
  const { format } = Object(parsed) as { format?: unknown };
  if (typeof format === "number" && format > modelFormat) {
    throw new DataError(`${path} has format ${format}, newer than this program's ${modelFormat}: update pioneer`);
  }
  const checked = directionsFile.safeParse(parsed);
  const isWhole =
    checked.success &&
    Object.values(checked.data.directions).every(({ vector }) => vector.length === checked.data.latent);
  if (!isWhole) throw new DataError(`${path} holds no directions: give another file, or mend this one`);
  if (checked.data.latent !== latent) {
    throw new DataError(
      `${path} has directions of ${checked.data.latent} coordinates, the latent space has ${latent}: they are of another model`,
    );
  }
  return checked.data;
}

/**
 * Adds directions to a file, beside and renamed; one of the same name gives way. config.json of a model folder learns of it.
 * @throws DataError if what is there cannot be read, or the disk refuses
 */
export async function addDirections(path: string, latent: number, directions: Directions): Promise<void> {
  const folder = dirname(path);
  const isOfModel = basename(path) === directionsFileName && (await isModelFolder(folder));
  if (isOfModel) await replaceModelFile(folder, directionsFileName, withDirections(path, latent, directions));
  else addToRun(path, latent, directions);
}

/** The same for a file that is no model folder's. */
export function addToRun(path: string, latent: number, directions: Directions): void {
  const text = withDirections(path, latent, directions);
  try {
    replaceFile(path, text);
  } catch (error) {
    throw diskError(error, path);
  }
}

type Directions = Readonly<Record<string, Direction>>;

function withDirections(path: string, latent: number, directions: Directions): string {
  const before = existsSync(path) ? readDirections(path, latent).directions : {};
  const all: DirectionsFile = { format: modelFormat, latent, directions: { ...before, ...directions } };
  const text = JSON.stringify(all);
  // What could not be read again must not take the place of what can.
  const again = directionsFile.safeParse(JSON.parse(text)).data;
  if (!again) throw new DataError(`${path}: a direction is not finite; nothing was written`);
  const lost = Object.keys(all.directions).find((name) => !Object.hasOwn(again.directions, name));
  if (lost !== undefined) {
    throw new DataError(`${path}: no direction can be called ${lost}; rename the label. Nothing was written`);
  }
  return `${text}\n`;
}
