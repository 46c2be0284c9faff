// Whether the files of a checkpoint are as they were written; without libtorch.
import { createHash } from "node:crypto";
import { existsSync, readSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { lookInto } from "../base/read.ts";
import { checkpointNames } from "./files.ts";
import { type CheckpointState, readState, stateFile } from "./state.ts";

/** The files beside state.json. */
export const networksFile = "networks.safetensors";
export const trainingFile = "state.safetensors";

/** The state of a checkpoint folder whose files are whole. @throws CheckpointError naming the one that is not */
export function verifyCheckpoint(folder: string): CheckpointState {
  const state = readState(folder);
  for (const file of [networksFile, trainingFile]) verifyFile(folder, file, state);
  return state;
}

/** @returns its path @throws CheckpointError */
export function verifyFile(folder: string, file: string, state: CheckpointState): string {
  const path = join(folder, file);
  if (!existsSync(path)) throw new CheckpointError(`${path} is missing`);
  if (sha256(path) !== state.sha256[file]) {
    throw new CheckpointError(`${path} was changed or cut short: its sha256 is not the one in ${stateFile}`);
  }
  return path;
}

export function sha256(path: string): string {
  const hash = createHash("sha256");
  const block = Buffer.alloc(4 * 2 ** 20);
  lookInto(path, ({ fd }) => {
    for (let length = readSync(fd, block); length > 0; length = readSync(fd, block))
      hash.update(block.subarray(0, length));
  });
  return hash.digest("hex");
}

/** The newest checkpoint of a run that is whole, apart from one that is known not to be. @returns its name */
export const newestWhole = (run: string, damaged: string): string | undefined =>
  checkpointNames(run)
    .reverse()
    .find((name) => name !== damaged && isWhole(join(run, name)));

function isWhole(folder: string): boolean {
  try {
    verifyCheckpoint(folder);
    return true;
  } catch {
    return false;
  }
}
