import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { RunSummary } from "../../shared/runs.ts";
import { isFolderIn } from "../base/confined.ts";
import { notFound } from "../base/errors.ts";
import { trainerOf } from "./lock.ts";
import { lastTick } from "./stats.ts";

/** What is shown of a run's config.json. */
const configSchema = z.looseObject({
  data: z.string(),
  recipe: z.string(),
  latent: z.number(),
  channels: z.number(),
  kimgPerPhase: z.number(),
});

const checkpointPattern = /^checkpoint-(\d{8}(?:\.\d{3})?)$/;
const bestName = "best";

const isCheckpointName = (name: string): boolean => name === bestName || checkpointPattern.test(name);

/** Whether a folder is a run: its config.json is no model folder's. */
export async function isRun(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, "config.json"), "utf8").catch(() => undefined);
  if (text === undefined) return false;
  try {
    return !("files" in Object(JSON.parse(text)));
  } catch {
    return (await checkpointsOf(folder)).length > 0;
  }
}

/** A run from its files alone. */
export async function readRun(id: string, folder: string): Promise<RunSummary> {
  const [config, pid, last, checkpoints] = await Promise.all([
    readConfig(folder),
    trainerOf(folder),
    lastTick(folder),
    checkpointsOf(folder),
  ]);
  const isFinished = last !== null && last.images >= last.totalImages;
  const state = pid === undefined ? (isFinished ? "finished" : "stopped") : "running";
  return { id, state, ...config, last, checkpoints };
}

type Facts = Pick<RunSummary, "problem" | "data" | "recipe" | "latent" | "channels">;

async function readConfig(folder: string): Promise<Facts> {
  const path = join(folder, "config.json");
  const broken = (why: string): Facts => {
    return { problem: `${path} ${why}`, data: null, recipe: null, latent: null, channels: null };
  };
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => error);
  if (typeof text !== "string") return broken(`cannot be read (${text.code}): is the folder still there?`);
  try {
    const { data, recipe, latent, channels } = configSchema.parse(JSON.parse(text));
    return { problem: null, data, recipe, latent, channels };
  } catch {
    return broken("is damaged: the run cannot go on; its checkpoints can be exported");
  }
}

/** Numbered checkpoints, oldest first, then the best one where there is one. */
async function checkpointsOf(folder: string): Promise<RunSummary["checkpoints"]> {
  const names = (await readdir(folder).catch(() => [])).filter(isCheckpointName).sort();
  const numbered = names.filter((name) => name !== bestName);
  const found = numbered.map((name) => ({ name, kimg: Number(checkpointPattern.exec(name)?.[1]) }));
  return names.includes(bestName) ? [...found, { name: bestName, kimg: await kimgOf(join(folder, bestName)) }] : found;
}

async function kimgOf(checkpoint: string): Promise<number | null> {
  const text = await readFile(join(checkpoint, "state.json"), "utf8").catch(() => "{}");
  try {
    return z.object({ images: z.number() }).parse(JSON.parse(text)).images / 1000;
  } catch {
    return null;
  }
}

/** A checkpoint's folder, and what changes when it is written anew. @throws StudioError MISSING */
export async function checkpointOf(folder: string, name: string): Promise<{ path: string; version: string }> {
  const path = join(folder, name);
  const isHere = isCheckpointName(name) && (await isFolderIn(folder, name));
  const state = isHere ? await stat(join(path, "state.json")).catch(() => undefined) : undefined;
  if (!state) throw notFound(`there is no checkpoint ${JSON.stringify(name)}: it may have been pruned`);
  return { path, version: `${state.ino} ${state.mtimeMs}` };
}
