// The data that a model was trained on, where it tells.
import { DataError } from "../base/errors.ts";
import { shellWord } from "../base/shell-word.ts";
import { findCheckpoint } from "../checkpoint/run-folder.ts";
import { type CheckpointState, readState } from "../checkpoint/state.ts";
import type { Pack } from "../data/pack/pack.ts";
import { isModelFolder } from "./model-folder.ts";

export type TrainedOn = CheckpointState["pack"];

/** @param model a run, a checkpoint or a model folder, which does not tell @throws CheckpointError */
export async function trainedOn(model: string): Promise<TrainedOn | undefined> {
  if (await isModelFolder(model)) return undefined;
  const { pack } = readState(findCheckpoint(model));
  return pack.id === "" ? undefined : pack;
}

/** Another pack may have taken the place of the one that a model was trained on. @throws DataError */
export function checkTrainedOn({ path, id }: Pack, model: string, trained: TrainedOn | undefined): void {
  if (trained === undefined || trained.id === "" || trained.id === id) return;
  throw new DataError(
    `${path} holds other images than ${model} was trained on (id ${trained.id.slice(0, 12)}; now ${id.slice(0, 12)}): give --data the old pack, or --data ${shellWord(path)} to use the new one`,
  );
}
