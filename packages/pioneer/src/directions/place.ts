// Where the directions of a model are.
import { join } from "node:path";
import { findCheckpoint } from "../checkpoint/run-folder.ts";
import { isModelFolder } from "../models/model-folder.ts";
import { directionsFileName } from "./file.ts";

/** directions.json of a model folder, of a run, or of the run that a checkpoint belongs to. @throws CheckpointError if it is none of them */
export async function directionsPath(model: string): Promise<string> {
  if (await isModelFolder(model)) return join(model, directionsFileName);
  const checkpoint = findCheckpoint(model);
  return join(checkpoint, "..", directionsFileName);
}
