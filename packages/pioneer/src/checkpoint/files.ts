// Checkpoint folders of a run: names, newest, making and pruning without ever leaving a half-written one.
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, parse } from "node:path";
import { CheckpointError } from "../base/errors.ts";
import { readState } from "./state.ts";

const pattern = /^checkpoint-\d{8}(?:\.\d{3})?$/;
/** A new checkpoint while it is written, and the one it replaces while the two change places. */
const unfinished = ".writing";
const replaced = ".replaced";

/** The checkpoint with the smallest held-out error, beside the numbered ones: it is neither counted nor pruned with them. */
export const bestName = "best";

/** Whether a folder of that name in a run is a whole checkpoint, a numbered one or the best. */
export const isCheckpointName = (name: string): boolean => name === bestName || pattern.test(name);

/**
 * The name for a run's checkpoint of a moment: checkpoint-<kimg, 8 digits> for the first of its kimg, and to the image for
 * later ones, checkpoint-00000012.640. So no moment takes the place of another, and names sort by time.
 */
export function checkpointName(run: string, images: number): string {
  const plain = `checkpoint-${kimgText(images)}`;
  // Once pruning took the plain one, its name stays free: it would sort before those left of its kimg.
  const [first] = checkpointNames(run).filter((name) => name.startsWith(plain));
  const isFirst = first === undefined || (first === plain && imagesOf(join(run, plain)) === images);
  return isFirst ? plain : `checkpoint-${exactKimgText(images)}`;
}

/** Images that a checkpoint was written after; undefined where it is damaged, and so of no known moment. */
function imagesOf(checkpoint: string): number | undefined {
  try {
    return readState(checkpoint).images;
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}

/** Thousands of images, rounded down, 8 digits: the number in the names of checkpoints and grids. */
export const kimgText = (images: number): string => String(Math.floor(images / 1000)).padStart(8, "0");

/** The same to the image, where several names would be one: 00000012.064. */
export const exactKimgText = (images: number): string =>
  `${kimgText(images)}.${String(images % 1000).padStart(3, "0")}`;

/** Names of the whole checkpoints, oldest first. */
export function checkpointNames(run: string): string[] {
  if (!existsSync(run)) return [];
  return readdirSync(run)
    .filter((name) => pattern.test(name))
    .sort();
}

/**
 * Makes a checkpoint folder appear all at once: `write` fills a folder beside, which is renamed into place. A checkpoint
 * of the same name gives way only when the new one is complete on disk.
 */
export function writeFolder(run: string, name: string, write: (folder: string) => void): string {
  const target = join(run, name);
  const beside = target + unfinished;
  rmSync(beside, { recursive: true, force: true });
  try {
    write(beside);
    syncFolder(beside);
    if (existsSync(target)) renameSync(target, target + replaced);
    renameSync(beside, target);
    syncFolder(run);
  } catch (error) {
    recoverCheckpoints(run);
    throw error;
  }
  rmSync(target + replaced, { recursive: true, force: true });
  return target;
}

/** Puts right what a killed process left: unfinished folders go, a replaced one without successor comes back. */
export function recoverCheckpoints(run: string): void {
  if (!existsSync(run)) return;
  for (const name of readdirSync(run)) {
    const { name: whole, ext } = parse(name);
    if (!isCheckpointName(whole) || (ext !== unfinished && ext !== replaced)) continue;
    const [path, target] = [join(run, name), join(run, whole)];
    if (ext === replaced && !existsSync(target)) renameSync(path, target);
    else rmSync(path, { recursive: true, force: true });
  }
}

/** Removes all but the newest `keep` checkpoints; 0 keeps all. */
export function pruneCheckpoints(run: string, keep: number): void {
  if (keep === 0) return;
  for (const name of checkpointNames(run).slice(0, -keep)) {
    // Renamed first: one that is half removed must not look whole.
    const path = join(run, name);
    renameSync(path, path + unfinished);
    rmSync(path + unfinished, { recursive: true, force: true });
  }
}

/** Makes renames and new files of a folder survive a power cut. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
