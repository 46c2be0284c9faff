// The authors' attribute deltas as directions of a model.
import { join } from "node:path";
import { scope } from "pioneer-torch";
import { CheckpointError, RunError } from "../base/errors.ts";
import { configFile, hasConfig, newestCheckpoint } from "../checkpoint/run-folder.ts";
import { readState } from "../checkpoint/state.ts";
import { addToRun, directionsFileName } from "../directions/file.ts";
import { isModelFolder } from "../models/model-folder.ts";
import type { AuthorsDelta } from "./authors-files.ts";

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
 * @throws RunError if there is no run; CheckpointError if they do not fit it; DataError if its directions.json cannot be read
 */
export async function addDirections(
  run: string,
  directions: readonly ImportedDirection[],
): Promise<readonly ImportedDirection[]> {
  const [first] = directions;
  if (!first) return directions;
  const latent = (await latentOf(run)) ?? first.vector.length;
  if (first.vector.length !== latent) {
    throw new CheckpointError(
      `the directions have ${first.vector.length} coordinates, the latent space of ${run} has ${latent}: they are of another model`,
    );
  }
  writeDirections(run, directions);
  return directions;
}

/** The same for a run that is being made. */
export function writeDirections(run: string, directions: readonly ImportedDirection[]): void {
  const [first] = directions;
  if (!first) return;
  addToRun(
    join(run, directionsFileName),
    first.vector.length,
    Object.fromEntries(
      directions.map(({ name, vector, unit }) => [
        name,
        { vector: [...vector], unit, method: "imported" as const, orthogonal: false },
      ]),
    ),
  );
}

/** undefined for a run without a checkpoint. */
async function latentOf(run: string): Promise<number | undefined> {
  if (!hasConfig(run)) {
    throw new RunError(
      `${run} holds no run (no ${configFile}): import a checkpoint into it first, or with the directions`,
    );
  }
  const checkpoint = newestCheckpoint(run);
  if (checkpoint === undefined && (await isModelFolder(run))) {
    throw new RunError(`${run} is a model folder: give --out the run it was exported from, and export it again`);
  }
  return checkpoint === undefined ? undefined : readState(checkpoint).latent;
}
