// The pack that a run learns from: the one it knows, where it goes on; else the one that its data is, or is made into.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { commandLine } from "../base/command-line.ts";
import { ConfigError, DataError } from "../base/errors.ts";
import { shellWord } from "../base/shell-word.ts";
import { newestCheckpoint, readRunConfig } from "../checkpoint/run-folder.ts";
import { type CheckpointState, readState } from "../checkpoint/state.ts";
import type { TrainConfig } from "../config/config.ts";
import { templateText } from "../config/face-template.ts";
import { checkFineTune } from "../config/fine-tune.ts";
import { isDrawn } from "../config/procedural.ts";
import { type EnsuredPack, type EnsureOptions, ensurePack, isPackFile, isThere, noData } from "../data/ensure.ts";
import { openPack, type Pack } from "../data/pack/pack.ts";
import { checkSourcePack, checkUnpacked, readSource } from "./source.ts";
import { trainedPack } from "./trained-pack.ts";

/** A run that goes on: what it was started with, and where it is. */
interface KnownRun {
  readonly saved: TrainConfig;
  readonly state: CheckpointState;
}

/**
 * The pack to train on. A run that goes on with the same data gets the pack that its checkpoint names, as long as that is
 * there and large enough; a source that it grows on is packed again, as the run knows its images.
 * @throws ConfigError for a crop, colour or labels that a pack does not have; DataError where a run cannot grow, before
 *   anything is packed; as `ensurePack`
 */
export async function dataOfRun(
  config: TrainConfig,
  packing: Pick<EnsureOptions, "signal" | "onProgress" | "onFinding" | "onWait"> = {},
): Promise<EnsuredPack> {
  const { data, resolution, crop, align, template, labels, colour, cacheDir, seed, maxPixels } = config;
  const wanted = { resolution, crop, align, template, labels, colour, cacheDir, seed, maxPixels };
  const options: EnsureOptions = { ...wanted, ...packing };
  const run = config.resume ? knownRun(config.run) : undefined;
  if (run === undefined) {
    await checkData(config);
    return await ensurePack(data, options);
  }
  const { saved, state } = run;
  const isSame = (["data", "labels", "align"] as const).every((key) => isSamePath(saved[key], config[key]));
  if (isSame && state.pack.id !== "") {
    const trained = trainedPack(state);
    if (trained && (resolution ?? 0) <= trained.resolution) return { pack: trained, prepared: undefined };
    const grows = resolution !== undefined && saved.resolution !== undefined && resolution > saved.resolution;
    if (!trained && grows && !(await isPackFile(data))) throw cannotTell(saved, state, resolution);
  }
  if (isSame && data !== noData && !isThere(data)) {
    throw new DataError(`${data}, which ${config.run} learns from, is not there: give --data the place it is at now`);
  }
  // Another crop or colour would be refused.
  return await ensurePack(data, { ...options, crop: state.crop, colour: state.colour });
}

/** What a new run can be refused before anything is packed. */
async function checkData(config: TrainConfig): Promise<void> {
  const pack = (await isPackFile(config.data)) ? openPack(config.data) : undefined;
  if (config.from !== undefined) {
    const source = await readSource(config.from);
    checkFineTune(source, config);
    if (pack) {
      checkSourcePack(source, pack);
    } else {
      checkUnpacked(source, config);
      // The trainer does so too, but only after all photos were packed.
      await source.verify();
    }
  }
  if (pack) checkPackOptions(config, pack);
}

const isSamePath = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && resolve(a) === resolve(b));

/** undefined where there is no checkpoint, or it cannot be read: whoever opens the run says why. */
function knownRun(run: string): KnownRun | undefined {
  const folder = newestCheckpoint(run);
  if (folder === undefined) return undefined;
  try {
    return { saved: readRunConfig(run), state: readState(folder) };
  } catch {
    return undefined;
  }
}

function cannotTell(saved: TrainConfig, { pack, crop, colour, align }: CheckpointState, resolution: number): DataError {
  const { path, id } = pack;
  const labels = saved.labels === undefined ? "" : ` --labels ${shellWord(saved.labels)}`;
  const aligned =
    align === null ? "" : ` --align ${shellWord(saved.align ?? "POINTS.csv")} --template ${templateText(align)}`;
  const seed = isDrawn(saved.data) ? ` --seed ${saved.seed}` : "";
  const large = saved.maxPixels === undefined ? "" : ` --max-pixels ${saved.maxPixels}`;
  const force = existsSync(path) ? " --force" : "";
  const again = commandLine(
    `dataset prepare ${shellWord(saved.data)} ${shellWord(path)} --resolution ${saved.resolution} --crop ${crop} --colour ${colour}${labels}${aligned}${seed}${large}${force}`,
  );
  return new DataError(
    `the pack this run was trained on (${path}, id ${id.slice(0, 12)}) is gone, so that nothing tells whether images at ${resolution}x${resolution} would be the same: make it again with \`${again}\`, then grow`,
  );
}

/** How images look is settled when they are packed. */
function checkPackOptions({ data, crop, align, colour, labels, maxPixels }: TrainConfig, pack: Pack): void {
  if (align !== undefined) {
    throw new ConfigError(
      `--align ${align} does not go with --data ${data}: the photos of a pack are cut already; prepare the pack with it`,
    );
  }
  if (labels !== undefined) {
    throw new ConfigError(
      `--labels ${labels} does not go with --data ${data}: a pack has the labels it was made with; leave it out, or prepare the pack with it`,
    );
  }
  if (maxPixels !== undefined) {
    throw new ConfigError(
      `--max-pixels ${maxPixels} does not go with --data ${data}: its photos are packed; leave it out, or prepare the pack with it`,
    );
  }
  const wanted = { crop, colour: colour === "auto" ? undefined : colour };
  for (const key of ["crop", "colour"] as const) {
    if (wanted[key] === undefined || wanted[key] === pack[key]) continue;
    throw new ConfigError(
      `--${key} is ${wanted[key]}, but ${data} was prepared with --${key} ${pack[key]}: give --${key} ${pack[key]} to train on its images as they are, or prepare a pack with --${key} ${wanted[key]}`,
    );
  }
}
