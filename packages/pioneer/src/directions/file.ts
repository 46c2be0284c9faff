// directions.json of a run or a model folder.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type DirectionsFile, directionsFile, modelFormat } from "pioneer-runtime";
import { diskError } from "../data/disk.ts";
import { DataError } from "../errors.ts";

export const directionsFileName = "directions.json";

export type Direction = DirectionsFile["directions"][string];

/** @throws DataError if it cannot be read, has another number of coordinates or a newer format */
export function readDirections(path: string, latent: number): DirectionsFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new DataError(`${path} cannot be read (${error.message}); mend or remove it`, { cause: error });
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
  if (!isWhole) throw new DataError(`${path} holds no directions; mend or remove it`);
  if (checked.data.latent !== latent) {
    throw new DataError(
      `${path} has directions of ${checked.data.latent} coordinates, the latent space has ${latent}: they are of another model`,
    );
  }
  return checked.data;
}

/**
 * Adds directions to a file, beside and renamed; one of the same name gives way.
 * @throws DataError if what is there cannot be read, or the disk refuses
 */
export function addDirections(path: string, latent: number, directions: Readonly<Record<string, Direction>>): void {
  const before = existsSync(path) ? readDirections(path, latent).directions : {};
  const all: DirectionsFile = { format: modelFormat, latent, directions: { ...before, ...directions } };
  try {
    writeFileSync(`${path}.writing`, `${JSON.stringify(all)}\n`);
    renameSync(`${path}.writing`, path);
  } catch (error) {
    throw diskError(error, path);
  }
}
