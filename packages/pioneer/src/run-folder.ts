// A run as a folder: what is in it, who holds it, and its newest checkpoint.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkpointNames } from "./checkpoint/files.ts";
import { parseConfigFile, resolveTrainConfig, savedConfigText, type TrainConfig } from "./config.ts";
import { diskError } from "./data/disk.ts";
import { RunError } from "./errors.ts";

const configFile = "config.json";

/** Newest checkpoint of a run, or undefined. */
export function newestCheckpoint(run: string): string | undefined {
  const name = checkpointNames(run).at(-1);
  return name && join(run, name);
}

/**
 * Readies the folder for a new run and notes its configuration, the first thing that a run writes. A folder whose run
 * never reached its first checkpoint counts as empty.
 * @throws RunError if the folder holds a run
 */
export function createRun(config: TrainConfig): void {
  const { run } = config;
  const newest = newestCheckpoint(run);
  if (newest) {
    throw new RunError(
      `${run} already holds a run (${newest}): go on with it by --resume, or give --run another folder`,
    );
  }
  saveConfig(config);
}

/** Writes config.json beside and renames it. */
export function saveConfig(config: TrainConfig): void {
  try {
    mkdirSync(config.run, { recursive: true });
    const path = join(config.run, configFile);
    writeFileSync(`${path}.writing`, savedConfigText(config));
    renameSync(`${path}.writing`, path);
  } catch (error) {
    throw diskError(error, config.run);
  }
}

/** Takes back what createRun() wrote, where the run could not even begin. */
export function abandonRun(run: string): void {
  if (newestCheckpoint(run)) return;
  rmSync(join(run, configFile), { force: true });
}

/** @throws RunError if the folder holds no run; ConfigError if its config.json is damaged */
export function readRunConfig(run: string): TrainConfig {
  const path = join(run, configFile);
  if (!existsSync(path)) throw new RunError(`${run} holds no run (no ${configFile}): check the path`);
  return resolveTrainConfig(parseConfigFile(readFileSync(path, "utf8"), path));
}

/**
 * Takes the run for this process until it ends. Waits a little for a predecessor that is just being killed.
 * @param tryLock takes the kernel's lock on an open file, or says that another process has it
 * @throws RunError if another process keeps it
 */
export async function lockRun(run: string, tryLock: (fd: number) => boolean, patienceMs = 10_000): Promise<void> {
  const path = join(run, ".lock");
  let fd: number;
  try {
    mkdirSync(run, { recursive: true });
    fd = openSync(path, "a+");
  } catch (error) {
    throw diskError(error, run);
  }
  const deadline = Date.now() + patienceMs;
  while (!tryLock(fd)) {
    if (Date.now() > deadline) {
      const holder = readFileSync(path, "utf8").trim();
      closeSync(fd);
      throw new RunError(
        `${run} is being trained by another process (${holder || "unknown"}): wait for it, or stop it`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  writeFileSync(path, `process ${process.pid}\n`);
}
