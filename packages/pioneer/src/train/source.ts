// --from: the run, checkpoint or model folder whose networks a new run begins with; without libtorch.
import { join } from "node:path";
import { z } from "zod";
import { CheckpointError, ConfigError, DataError } from "../base/errors.ts";
import { formatKimg } from "../base/format.ts";
import { findCheckpoint } from "../checkpoint/run-folder.ts";
import { type CheckpointState, readState } from "../checkpoint/state.ts";
import { networksFile, verifyFile } from "../checkpoint/verify.ts";
import { resolveTrainConfig, type TrainConfig } from "../config/config.ts";
import { templateText } from "../config/face-template.ts";
import { fineTuneConfig, type SourceFacts } from "../config/fine-tune.ts";
import type { Pack } from "../data/pack/pack.ts";
import { isModelFolder, readModelConfig, verifyModelFile, weightsFile } from "../models/model-folder.ts";
import { resolutionOf } from "../networks/growth.ts";
import { networkKind } from "../networks/kind.ts";

export interface Source extends SourceFacts {
  /** The checkpoint or the model folder. */
  readonly path: string;
  /** The file that holds generator, encoder and their averages. */
  readonly weights: string;
  /** Compares that file with its digest. @throws CheckpointError, DataError if it was changed or cut short */
  readonly verify: () => Promise<void>;
}

/**
 * What a path of --from holds.
 * @throws CheckpointError, DataError if it is nothing to begin with, damaged, or a model folder without weights to train
 */
export async function readSource(from: string): Promise<Source> {
  return (await isModelFolder(from)) ? await modelSource(from) : checkpointSource(from);
}

/** The configuration of a new run from what was given; with `from`, what is left out is that model's. */
export async function newRunConfig(given: Readonly<Record<string, unknown>>): Promise<TrainConfig> {
  if (typeof given.from !== "string" || given.from === "") return resolveTrainConfig(given);
  return fineTuneConfig(await readSource(given.from), given);
}

function checkpointSource(from: string): Source {
  const path = findCheckpoint(from, "--from a run folder (with checkpoint-... in it), a checkpoint or a model folder");
  const state = readState(path);
  const verify = async () => {
    try {
      verifyFile(path, networksFile, state);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      throw new CheckpointError(`${error.message}; give --from another checkpoint`, { cause: error });
    }
  };
  return { ...factsOf(from, state, state.networks), path, weights: join(path, networksFile), verify };
}

async function modelSource(from: string): Promise<Source> {
  const config = await readModelConfig(from);
  const weights = join(from, weightsFile);
  if (config.files[weightsFile] === undefined) {
    throw new DataError(
      `${from} has no ${weightsFile}, without which a model cannot be trained: give --from its run or checkpoint, or export it with --weights`,
    );
  }
  const { readSafetensorsMetadata, TorchError } = await import("pioneer-torch");
  try {
    const networks = networkKind.parse(JSON.parse(readSafetensorsMetadata(weights).networks ?? "null"));
    const facts = factsOf(from, { ...config, images: Math.round(config.kimg * 1000) }, networks);
    return { ...facts, path: from, weights, verify: () => verifyModelFile(from, weightsFile, config) };
  } catch (error) {
    const isDamaged = error instanceof TorchError || error instanceof z.ZodError || error instanceof SyntaxError;
    if (!isDamaged && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new DataError(
      `${weights} does not hold a model's networks: copy the whole model folder, or export it again with --weights`,
      { cause: error },
    );
  }
}

type Facts = Omit<SourceFacts, "from" | "networks">;

function factsOf(
  from: string,
  { images, phase, alpha, recipe, latent, channels, colour, align }: Facts,
  networks: SourceFacts["networks"],
): SourceFacts {
  return { from, images, phase, alpha, recipe, latent, channels, networks, colour, align };
}

/** What the checkpoints of the new run say of where it began. */
export const originOf = ({ path, images, phase }: Source): NonNullable<CheckpointState["from"]> => ({
  path,
  images,
  resolution: resolutionOf(phase),
});

/** The line that the run begins with: what it takes over. */
export function takenOver({ path, images, phase, alpha, networks }: Source, config: TrainConfig): string {
  const size = resolutionOf(phase);
  const what = networks.head ? "generator, discriminator, average" : "generator, encoder, averages";
  const begins =
    phase > 0 && alpha < 1 ? `; ${size}x${size} was faded in to ${alpha.toFixed(2)} and begins fully faded in` : "";
  const grows =
    config.resolution !== undefined && config.resolution > size
      ? `; grows to ${config.resolution}x${config.resolution}`
      : "";
  return `from ${path}, ${formatKimg(images)} kimg, ${size}x${size}: ${what}; optimisers start fresh${begins}${grows}`;
}

/**
 * Whether photos that are yet to be packed will look as the model knows them; colours are converted when packing.
 * @throws ConfigError
 */
export function checkUnpacked({ from, align }: SourceFacts, { data, align: points }: TrainConfig): void {
  if (align === null || points !== undefined) return;
  throw new ConfigError(
    `--data ${data} is not aligned, but ${from} knows faces at ${templateText(align)}: give --align faces, which finds them, or --align POINTS.csv, where these photos have eyes and mouth`,
  );
}

/** Whether the images of a pack are large enough and look as the model knows them. @throws DataError */
export function checkSourcePack({ from, phase, colour, align }: SourceFacts, pack: Pack): void {
  const size = resolutionOf(phase);
  const { path } = pack;
  if (pack.resolution < size) {
    throw new DataError(
      `${path} has images of ${pack.resolution}x${pack.resolution}, but ${from} has grown to ${size}x${size}: prepare the pack with --resolution ${size} or more`,
    );
  }
  if (pack.colour !== colour) {
    throw new DataError(
      `${path} has ${pack.colour} images, but ${from} is a model of ${colour} ones: prepare the pack with --colour ${colour}`,
    );
  }
  if (align === null) return;
  const [known, own] = [templateText(align), pack.align && templateText(pack.align.template)];
  if (known === own) return;
  throw new DataError(
    `${path} has faces ${own ? `at ${own}` : "that are not aligned"}, but ${from} knows them at ${known}: prepare the pack with --align faces (or POINTS.csv) --template ${known}`,
  );
}
