// The authors' attribute deltas as directions of a model.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DirectionsFile, directionsFile } from "pioneer-runtime";
import { scope } from "pioneer-torch";
import { readCheckpointState } from "../checkpoint/checkpoint.ts";
import { diskError } from "../data/disk.ts";
import { CheckpointError, RunError } from "../errors.ts";
import { newestCheckpoint } from "../run-folder.ts";
import type { AuthorsDelta } from "./authors-files.ts";

const format = 1;
const fileName = "directions.json";

export interface ImportedDirection {
  readonly name: string;
  /** Unit vector. */
  readonly vector: readonly number[];
  /** Length of the authors' delta: strength 1 adds what they add. */
  readonly unit: number;
}

/**
 * Deltas as unit vectors with their lengths.
 * @param latent what they should have coordinates for; the first one's otherwise
 * @throws CheckpointError naming the file: of another length, zero, not finite
 */
export function readDeltas(deltas: readonly AuthorsDelta[], latent?: number): ImportedDirection[] {
  let expected = latent;
  return deltas.map(({ name, file, tensor }) => {
    const length = tensor.shape.reduce((product, size) => product * size, 1);
    expected ??= length;
    if (length !== expected || length < 2 || !tensor.storage.dtype.includes("float")) {
      throw new CheckpointError(
        `${file.path} has ${length} numbers of ${tensor.storage.dtype}, expected ${expected} of a float type, one for each latent dimension`,
      );
    }
    const delta = scope(() => file.load(tensor).toFloat32Array());
    const unit = Math.sqrt(delta.reduce((sum, coordinate) => sum + coordinate ** 2, 0));
    if (!(unit > 0 && Number.isFinite(unit))) {
      throw new CheckpointError(`${file.path} is no direction: its length is ${unit}`);
    }
    return { name, vector: Array.from(delta, (coordinate) => coordinate / unit), unit };
  });
}

/**
 * Adds directions to directions.json of a run; one of the same name gives way.
 * @throws RunError if there is no run; CheckpointError if they do not fit it
 */
export function addDirections(run: string, directions: readonly ImportedDirection[]): readonly ImportedDirection[] {
  const [first] = directions;
  if (!first) return directions;
  const latent = latentOf(run) ?? first.vector.length;
  if (first.vector.length !== latent) {
    throw new CheckpointError(
      `the directions have ${first.vector.length} coordinates, the latent space of ${run} has ${latent}: they are of another model`,
    );
  }
  const path = join(run, fileName);
  const all: DirectionsFile = {
    format,
    latent,
    directions: {
      ...readDirections(path, latent),
      ...Object.fromEntries(
        directions.map(({ name, vector, unit }) => [
          name,
          { vector: [...vector], unit, method: "imported" as const, orthogonal: false },
        ]),
      ),
    },
  };
  try {
    writeFileSync(`${path}.writing`, `${JSON.stringify(all)}\n`);
    renameSync(`${path}.writing`, path);
  } catch (error) {
    throw diskError(error, path);
  }
  return directions;
}

/** undefined for a run that is being made. */
function latentOf(run: string): number | undefined {
  if (!existsSync(join(run, "config.json"))) {
    throw new RunError(
      `${run} holds no run (no config.json): import a checkpoint into it first, or with the directions`,
    );
  }
  const checkpoint = newestCheckpoint(run);
  return checkpoint === undefined ? undefined : readCheckpointState(checkpoint).latent;
}

function readDirections(path: string, latent: number): DirectionsFile["directions"] {
  if (!existsSync(path)) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new CheckpointError(`${path} cannot be read (${(error as Error).message}); mend or remove it`, {
      cause: error,
    });
  }
  const checked = directionsFile.safeParse(parsed);
  if (!checked.success || checked.data.format > format || checked.data.latent !== latent) {
    throw new CheckpointError(`${path} holds no directions of format ${format} for ${latent} coordinates; remove it`);
  }
  return checked.data.directions;
}
