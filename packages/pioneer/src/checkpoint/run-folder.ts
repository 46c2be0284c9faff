// A run as a folder: what is in it, who holds it, and its newest checkpoint.
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { resumeCommand } from "../base/command-line.ts";
import { diskError, makeFolders, removeMade } from "../base/disk.ts";
import { CheckpointError, RunError } from "../base/errors.ts";
import { BusyError, lockFile, lockOf } from "../base/lock-file.ts";
import { findNoted } from "../base/place.ts";
import { readTextSync } from "../base/read.ts";
import { hasCode } from "../base/system-error.ts";
import { openOurs, replaceFile } from "../base/write.ts";
import { resolveTrainConfig, type TrainConfig } from "../config/config.ts";
import { parseConfigFile, savedConfigText, withDataPaths } from "../config/config-file.ts";
import { bestName, checkpointNames } from "./files.ts";
import { isCheckpoint } from "./state.ts";

export const configFile = "config.json";
const lockName = ".lock";

/** A status line in JSON for each tick. */
export const statsFile = "stats.jsonl";

/** Whether a folder has a configuration; a model folder has one of its own. */
export const hasConfig = (folder: string): boolean => existsSync(join(folder, configFile));

/** Newest checkpoint of a run, or undefined. */
export function newestCheckpoint(run: string): string | undefined {
  const name = checkpointNames(run).at(-1);
  return name && join(run, name);
}

/** The checkpoint of a run with the smallest held-out error, where `train --evaluate-every` kept one. */
export function bestCheckpoint(run: string): string | undefined {
  const folder = join(run, bestName);
  return isCheckpoint(folder) ? folder : undefined;
}

/**
 * The checkpoint that a path means: a run's newest, or the path itself.
 * @param wanted what to give instead, for the message
 * @throws CheckpointError if there is none
 */
export function findCheckpoint(
  path: string,
  wanted = "--model a run folder (with checkpoint-... in it), a checkpoint or a model folder",
): string {
  const found = isCheckpoint(path) ? path : newestCheckpoint(path);
  if (found) return found;
  const run = dirname(path);
  if (basename(path) === bestName && newestCheckpoint(run)) {
    throw new CheckpointError(
      `${run} has no best checkpoint: train --evaluate-every keeps one; give ${run} for the newest`,
    );
  }
  if (!existsSync(path)) throw new CheckpointError(`${path} is not there: check the path, or give ${wanted}`);
  throw new CheckpointError(`${path} holds no checkpoint: give ${wanted}`);
}

/**
 * A folder whose run never reached its first checkpoint counts as empty.
 * @throws RunError if the folder holds a run, or a config.json that is not a run's, such as a model folder's
 */
export function checkNoRun(run: string): void {
  const newest = newestCheckpoint(run);
  if (newest) {
    throw new RunError(
      `${run} already holds a run (${newest}): go on with it by --resume, or give --run another folder`,
    );
  }
  const path = join(run, configFile);
  if (!hasConfig(run)) return;
  try {
    readRunConfig(run);
  } catch (error) {
    throw new RunError(`${path} is not the configuration of a run, and would be lost: give --run another folder`, {
      cause: error,
    });
  }
}

/** Notes the configuration of a new run, the first thing that a run writes. @throws RunError if the folder holds a run */
export function createRun(config: TrainConfig): void {
  checkNoRun(config.run);
  saveConfig(config);
}

/** Writes config.json beside and renames it. */
export function saveConfig(config: TrainConfig): void {
  try {
    makeFolders(config.run);
    const path = join(config.run, configFile);
    replaceFile(path, savedConfigText(config));
  } catch (error) {
    throw diskError(error, config.run);
  }
}

/**
 * Takes back what lockRun() and createRun() wrote, where the run could not even begin. A folder with something else in it
 * stays.
 * @param made what lockRun() returned
 * @param created whether createRun() wrote its configuration
 */
export function abandonRun(run: string, made: string | undefined, created: boolean): void {
  if (newestCheckpoint(run) || whyNotHeld(run)) return;
  if (created) rmSync(join(run, configFile), { force: true });
  rmSync(join(run, lockName), { force: true });
  rmSync(lockOf(join(run, lockName)), { force: true });
  removeMade(run, made);
}

/** @throws RunError if the folder holds no run; ConfigError if its config.json is damaged */
export function readRunConfig(run: string): TrainConfig {
  const path = join(run, configFile);
  if (!existsSync(run)) throw new RunError(`${run} is not there: check the path`);
  if (!hasConfig(run)) throw new RunError(`${run} holds no run (no ${configFile}): check the path`);
  const config = resolveTrainConfig(parseConfigFile(readTextSync(path), path));
  return withDataPaths(config, (noted) => findNoted(noted, run));
}

/** Lock files of the runs that this process holds, open as long as it lives. */
const held = new Map<string, number>();

/**
 * What became of a run that this process locked, where its folder was moved, removed or replaced: what is written there now
 * would be no part of it.
 */
export function whyNotHeld(run: string): RunError | undefined {
  const fd = held.get(run);
  if (fd === undefined || isAt(fd, join(run, lockName))) return undefined;
  return new RunError(
    `${run} was moved, removed or replaced while it was trained, so training stopped: where its folder is now, ` +
      `go on from its newest checkpoint by \`${resumeCommand("FOLDER")}\``,
  );
}

/** @throws RunError: see `whyNotHeld` */
export function checkHeld(run: string): void {
  const why = whyNotHeld(run);
  if (why) throw why;
}

/**
 * Takes the run for this process until it ends. Waits a little for a predecessor that is just being killed.
 * @param tryLock takes the kernel's lock on an open file, or says that another process has it; undefined where the file system
 *                knows no locks, so that a file with our process id has to do
 * @returns the topmost folder that was made for it; undefined where the run's folder was there
 * @throws RunError if another process keeps it
 */
export async function lockRun(
  run: string,
  tryLock: (fd: number) => boolean | undefined,
  patienceMs = 10_000,
): Promise<string | undefined> {
  const path = join(run, lockName);
  const deadline = Date.now() + patienceMs;
  let made: string | undefined;
  for (;;) {
    let fd: number;
    try {
      made = makeFolders(run) ?? made;
      fd = openOurs(path, "append");
    } catch (error) {
      // What is wrong is the folder's, but for a link in the place of the lock.
      throw diskError(error, hasCode(error, "ELOOP") ? path : run);
    }
    const locked = tryLock(fd);
    const holder =
      locked === undefined ? await signFor(path) : locked ? undefined : readFileSync(fd, "utf8").slice(0, 100).trim();
    if (holder === undefined) {
      if (isAt(fd, path)) {
        ftruncateSync(fd, 0);
        writeFileSync(fd, `process ${process.pid}\n`);
        held.set(run, fd);
        return made;
      }
      closeSync(fd); // its holder gave up the run and took the file away
      continue;
    }
    closeSync(fd);
    if (Date.now() > deadline) {
      const mend = locked === undefined ? `, or delete ${lockOf(path)} if it has ended` : "";
      throw new RunError(
        `${run} is being trained by another process (${holder || "unknown"}): wait for it, or stop it${mend}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Takes the run by a file with our process id, until the process ends. @returns who has it, if not we */
async function signFor(path: string): Promise<string | undefined> {
  try {
    await lockFile(path);
  } catch (error) {
    if (error instanceof BusyError) return `process ${error.owner}`;
    throw error;
  }
  process.on("exit", () => rmSync(lockOf(path), { force: true }));
  return undefined;
}

/** Whether the open file is the one of this name, and not one that was removed. */
function isAt(fd: number, path: string): boolean {
  const [open, named] = [fstatSync(fd), lstatSync(path, { throwIfNoEntry: false })];
  return named !== undefined && open.ino === named.ino && open.dev === named.dev;
}
