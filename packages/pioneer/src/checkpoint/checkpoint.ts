// A checkpoint holds everything: networks, average, optimisers, spectral u, image pool, place in schedule and data.
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  type AdamState,
  keep,
  noGrad,
  readSafetensors,
  scope,
  type Tensor,
  TorchError,
  writeSafetensors,
  zerosLike,
} from "pioneer-torch";
import { makeFolders, refusalOf } from "../base/disk.ts";
import { CheckpointError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import { createWith } from "../base/write.ts";
import type { Recipe } from "../config/recipe.ts";
import { assembleLearner, type Learner, type Trained } from "../learner/learner.ts";
import type { Pair, PairName } from "../learner/pair.ts";
import { Encoder, Generator, resolutionOf } from "../networks/index.ts";
import type { NetworkKind } from "../networks/kind.ts";
import { checkpointName, checkpointNames, writeFolder } from "./files.ts";
import { type CheckpointState, checkpointFormat, readState, stateFile, stateText } from "./state.ts";
import { networksFile, sha256, trainingFile, verifyFile } from "./verify.ts";

const trained = ["generator", "encoder"] as const satisfies readonly Trained[];

/** What helps where a disk refused. @param refusal as `refusalOf` gives it */
function howToWrite(refusal: string): string {
  if (/^(EACCES|EPERM)/.test(refusal)) return "give yourself the right to write there";
  if (refusal.startsWith("EROFS")) return "make the file system writable";
  return /^(ENOSPC|EDQUOT|EFBIG|ENOMEM)/.test(refusal) ? "make room" : "see to the disk";
}

/** What a checkpoint says of itself beside its tensors; counts and digests are filled in when it is written. */
export type CheckpointFacts = Omit<
  CheckpointState,
  "format" | "version" | "resolution" | "adamSteps" | "poolImages" | "sha256" | "latent" | "channels" | "networks"
>;

/**
 * Writes a checkpoint beside and renames it into place after fsync.
 * @param name of its folder, by default as `checkpointName` gives it
 * @returns its folder
 * @throws CheckpointError if the disk is full or the folder cannot be written; older checkpoints stay as they were
 */
export function writeCheckpoint(
  run: string,
  learner: Learner,
  facts: CheckpointFacts,
  name = checkpointName(run, facts.images),
): string {
  try {
    return writeFolder(run, name, (folder) => {
      makeFolders(run);
      mkdirSync(folder);
      writeSafetensors(join(folder, networksFile), networkTensors(learner));
      scope(() => writeSafetensors(join(folder, trainingFile), trainingTensors(learner)));
      const state: CheckpointState = {
        format: checkpointFormat,
        version,
        ...facts,
        resolution: resolutionOf(facts.phase),
        ...learner.generator.size,
        networks: learner.encoder.kind,
        adamSteps: { generator: adamSteps(learner, "generator"), encoder: adamSteps(learner, "encoder") },
        poolImages: learner.pool.count,
        sha256: Object.fromEntries([networksFile, trainingFile].map((file) => [file, sha256(join(folder, file))])),
      };
      createWith(join(folder, stateFile), stateText(state));
    });
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    const reason = refusal.startsWith("ENOSPC") ? "the disk is full" : refusal;
    const newest = checkpointNames(run).at(-1);
    const mend = newest
      ? `then go on with --resume from the last good checkpoint, ${join(run, newest)}`
      : "then run the same command again";
    throw new CheckpointError(`${join(run, name)} could not be written: ${reason}; ${howToWrite(refusal)}, ${mend}`, {
      cause: error,
    });
  }
}

function networkTensors({ generator, encoder, generatorEma, encoderEma }: Learner): Map<string, Tensor> {
  const all = { generator, encoder, generator_ema: generatorEma, ...(encoderEma && { encoder_ema: encoderEma }) };
  return new Map(
    Object.entries(all).flatMap(([prefix, network]) =>
      [...network.tensors()].map(([name, value]) => [`${prefix}.${name}`, value] as const),
    ),
  );
}

/** adam.{network}.{parameter}.{first,second}_moment and, once it holds images, pool [count, 3, r, r]. */
function trainingTensors({ optimisers, pool }: Learner): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const network of trained) {
    for (const [name, { firstMoment, secondMoment }] of optimisers[network].state) {
      if (firstMoment) tensors.set(`adam.${network}.${name}.first_moment`, firstMoment);
      tensors.set(`adam.${network}.${name}.second_moment`, secondMoment);
    }
  }
  if (pool.images) tensors.set("pool", pool.images);
  return tensors;
}

/** Digest of everything a learner holds: the same where all tensors are, to the bit. */
export function learnerDigest(learner: Learner): string {
  const hash = createHash("sha256");
  for (const [name, tensor] of [...networkTensors(learner), ...trainingTensors(learner)]) {
    hash.update(`${name} ${tensor.shape.join()} `);
    scope(() => hash.update(Buffer.from(tensor.detach().contiguous().to("cpu").toTypedArray().buffer)));
  }
  return hash.digest("hex");
}

const adamSteps = ({ optimisers }: Learner, network: Trained) =>
  Object.fromEntries([...optimisers[network].state].map(([name, { step }]) => [name, step]));

/** What using a model needs. */
export interface ModelNetworks extends Pair {
  readonly state: CheckpointState;
}

/** The networks of a checkpoint that pictures are made with. @throws CheckpointError naming the file */
export function readModelNetworks(folder: string): ModelNetworks {
  const state = readState(folder);
  const networks = readVerified(folder, networksFile, state);
  return assemble(folder, networks, () => ({ state, ...pairFrom(networks, state.networks, state.pair) }));
}

/** A pair of a file that holds both. */
export function pairFrom(tensors: ReadonlyMap<string, Tensor>, kind: NetworkKind, pair: PairName): Pair {
  const prefixes = pairPrefixes(tensors, pair);
  const encoder = Encoder.from(tensors, prefixes.encoder, kind);
  try {
    return { encoder, generator: Generator.from(tensors, prefixes.generator, kind) };
  } catch (error) {
    encoder.dispose();
    throw error;
  }
}

type Prefixes = Readonly<Record<keyof Pair, string>>;

const averagePrefixes: Prefixes = { encoder: "encoder_ema.", generator: "generator_ema." };
const rawPrefixes: Prefixes = { encoder: "encoder.", generator: "generator." };

/** What the names of a pair's tensors begin with. The encoder's average is there for recipes that keep one. */
export function pairPrefixes(tensors: ReadonlyMap<string, Tensor>, pair: PairName): Prefixes {
  if (pair === "raw") return rawPrefixes;
  return holds(tensors, averagePrefixes.encoder) ? averagePrefixes : { ...averagePrefixes, encoder: "encoder." };
}

const holds = (tensors: ReadonlyMap<string, Tensor>, prefix: string): boolean =>
  [...tensors.keys()].some((name) => name.startsWith(prefix));

/** Everything, to train on. @throws CheckpointError naming the file and what is wrong */
export function readCheckpoint(
  folder: string,
  recipe: Recipe,
  learningRate: number,
): { state: CheckpointState; learner: Learner } {
  const state = readState(folder);
  const networks = readVerified(folder, networksFile, state);
  const training = readVerified(folder, trainingFile, state);
  const learner = assemble(folder, networks, () =>
    learnerOf(networks, state.networks, recipe, learningRate, averagePrefixes),
  );
  assemble(folder, training, () => {
    for (const network of trained) {
      for (const [name, step] of Object.entries(state.adamSteps[network])) {
        const parameter = learner[network].parameter(name);
        const { state: moments, options } = learner.optimisers[network];
        moments.set(name, adamState(training, `adam.${network}.${name}`, step, parameter, options.beta1 > 0));
      }
    }
    const pool = training.get("pool");
    if (state.poolImages > 0) learner.pool.images = keep((pool as Tensor).clone());
  });
  return { state, learner };
}

/**
 * A learner that begins with the networks of a model, with fresh optimisers and an empty pool. An encoder that was not
 * averaged so far is its own average, and so are the networks of a model folder that holds no averages.
 * @param file networks.safetensors of a checkpoint, or model.safetensors of a model folder
 * @throws CheckpointError if they do not fit together
 */
export function beginLearner(file: string, kind: NetworkKind, recipe: Recipe, learningRate: number): Learner {
  const { tensors } = readSafetensors(file);
  const averages = pairPrefixes(tensors, holds(tensors, averagePrefixes.generator) ? "averaged" : "raw");
  return assemble(file, tensors, () => learnerOf(tensors, kind, recipe, learningRate, averages));
}

/** @param averages prefixes; the encoder's is read where the recipe keeps one */
function learnerOf(
  tensors: ReadonlyMap<string, Tensor>,
  kind: NetworkKind,
  recipe: Recipe,
  learningRate: number,
  averages: Prefixes,
): Learner {
  return assembleLearner(
    recipe,
    {
      generator: Generator.from(tensors, "generator.", kind),
      encoder: Encoder.from(tensors, "encoder.", kind),
      generatorEma: Generator.from(tensors, averages.generator, kind),
      encoderEma: recipe.averagesEncoder ? Encoder.from(tensors, averages.encoder, kind) : undefined,
    },
    learningRate,
  );
}

/** The moments of a parameter, laid out like it. A run that had no first moments before begins them at zero. */
function adamState(
  tensors: ReadonlyMap<string, Tensor>,
  prefix: string,
  step: number,
  parameter: Tensor,
  hasFirst: boolean,
): AdamState {
  const zeros = () => zerosLike(parameter.detach());
  const copy = (name: string) => {
    const found = tensors.get(`${prefix}.${name}`);
    return found && keep(noGrad(() => zeros().copy_(found)));
  };
  const secondMoment = copy("second_moment");
  if (!secondMoment) throw new TorchError(`the tensor ${prefix}.second_moment is missing`);
  const firstMoment = hasFirst ? (copy("first_moment") ?? keep(noGrad(zeros))) : undefined;
  return { step, firstMoment, secondMoment };
}

/** Builds something of a file's tensors and frees the file's own. */
function assemble<T>(folder: string, tensors: ReadonlyMap<string, Tensor>, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof TorchError)
      throw new CheckpointError(`${folder} does not fit together: ${error.message}`, { cause: error });
    throw error;
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
}

function readVerified(folder: string, file: string, state: CheckpointState): Map<string, Tensor> {
  return readSafetensors(verifyFile(folder, file, state)).tensors;
}
