// A checkpoint of the authors' program as a run of ours: config.json and one checkpoint.
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { ConfigError, RunError } from "../base/errors.ts";
import { writeFolderBeside } from "../base/whole-folder.ts";
import { createWith } from "../base/write.ts";
import { type CheckpointFacts, writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { configFile } from "../checkpoint/run-folder.ts";
import { resolveTrainConfig, type TrainConfig } from "../config/config.ts";
import { savedConfigText } from "../config/config-file.ts";
import { type PresetName, presetOptions } from "../config/presets.ts";
import { type RecipeName, recipeOf } from "../config/recipe.ts";
import { type LearningRates, type Schedule, settingsAt } from "../config/schedule.ts";
import { noData } from "../data/ensure.ts";
import { assembleLearner } from "../learner/learner.ts";
import { type NetworkKind, phaseOf, resolutionOf } from "../networks/index.ts";
import type { AuthorsCheckpoint } from "./authors-checkpoint.ts";
import { type AuthorsFiles, openAuthorsFiles } from "./authors-files.ts";
import { addDirections, type ImportedDirection, readDeltas, writeDirections } from "./directions.ts";
import { NetworkLoader, type OnLoaded } from "./networks.ts";
import { scheduleOfImport } from "./place.ts";

export interface ImportOptions {
  /** A checkpoint, its _SNU file, attribute deltas; recognised by what they hold. */
  readonly files: readonly string[];
  /** The run to make; for deltas alone one that is there. */
  readonly out: string;
  /** Default: what the layers say. */
  readonly recipe?: RecipeName | undefined;
  /** Whether a LeakyReLU follows the encoder's last layer; the file does not tell. */
  readonly activatedCode: boolean;
  readonly preset?: PresetName | undefined;
  readonly resolution?: number | undefined;
  readonly kimgPerPhase?: number | undefined;
  readonly data?: string | undefined;
  /** Images per step if it is trained on. */
  readonly batch?: TrainConfig["batch"] | undefined;
  readonly onLoaded?: OnLoaded | undefined;
}

export interface ImportedRun {
  readonly checkpoint: string;
  readonly recipe: string;
  readonly images: number;
  readonly phase: number;
  readonly alpha: number;
  readonly resolution: number;
  readonly latent: number;
  readonly channels: number;
  /** How u was found. */
  readonly u: "exact" | "file";
  readonly kimgPerPhase: number;
  /** What the user should know. */
  readonly notes: readonly string[];
}

export interface Imported {
  readonly run: ImportedRun | undefined;
  readonly directions: readonly ImportedDirection[];
}

/**
 * Imports files of the authors' programs. Nothing of them is run, and nothing is written before all of it was read.
 * @throws CheckpointError naming the file and what is wrong with it; ConfigError, RunError; nothing stays then
 */
export async function importAuthors(options: ImportOptions): Promise<Imported> {
  const files = await openAuthorsFiles(options.files);
  try {
    const { checkpoint, spectral, deltas } = files;
    if (!checkpoint) {
      if (spectral) throw new ConfigError(`${spectral.file.path} is u of a checkpoint: give its _state file too`);
      const { recipe, preset, resolution, kimgPerPhase, data } = options;
      const idle = Object.entries({ recipe, preset, resolution, kimgPerPhase, data }).find(
        ([, value]) => value !== undefined,
      );
      if (idle) {
        const name = idle[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        throw new ConfigError(
          `--${name} ${idle[1]}: there is no checkpoint among the files, only directions; leave it out`,
        );
      }
      return { run: undefined, directions: await addDirections(options.out, readDeltas(deltas)) };
    }
    checkOut(options.out);
    const directions = readDeltas(deltas, checkpoint.content.size.latent);
    const run = await importRun(options, checkpoint, files, (folder) => writeDirections(folder, directions));
    return { run, directions };
  } finally {
    files.close();
  }
}

async function importRun(
  options: ImportOptions,
  { file, content }: NonNullable<AuthorsFiles["checkpoint"]>,
  { spectral }: AuthorsFiles,
  complete: (folder: string) => void,
): Promise<ImportedRun> {
  if (!options.activatedCode && content.recipe !== "balanced") {
    throw new ConfigError(
      `--no-activated-code is for balanced checkpoints, this is one of ${content.recipe}, whose program always activates the code: leave it out`,
    );
  }
  const kind: NetworkKind = { ...content.kind, activatedCode: options.activatedCode };
  const { config, schedule, notes } = planImport(options, content);
  const recipe = recipeOf(config);
  const loader = new NetworkLoader(file, content, spectral, options.onLoaded);
  try {
    const learner = assembleLearner(recipe, await loader.networks(kind), config.lr);
    for (const network of ["generator", "encoder"] as const) {
      for (const [name, state] of await loader.adam(network)) learner.optimisers[network].state.set(name, state);
    }
    file.close(); // all of it is in memory now, and its pages need not be
    const steps = Math.max(0, ...[...learner.optimisers.encoder.state.values()].map(({ step }) => step));
    const { images, phase, alpha, size } = content;
    const facts: CheckpointFacts = {
      recipe: config.recipe,
      images,
      steps,
      elapsedSeconds: 0,
      phase,
      alpha,
      colour: "rgb",
      crop: config.crop ?? "center",
      align: null,
      from: null,
      pair: "averaged",
      encoderOrder: config.encoderOrder,
      schedule: { ...schedule, phases: [...schedule.phases], settings: schedule.settings && [...schedule.settings] },
      pack: { id: "", path: config.data, trainImages: 0 },
    };
    const checkpoint = await writeFolderBeside(options.out, async (folder) => {
      createWith(join(folder, configFile), savedConfigText(config));
      complete(folder);
      return basename(writeCheckpoint(folder, learner, facts));
    });
    return {
      checkpoint: join(options.out, checkpoint),
      recipe: config.recipe,
      images,
      phase,
      alpha,
      resolution: resolutionOf(phase),
      ...size,
      u: spectral ? "file" : "exact",
      kimgPerPhase: config.kimgPerPhase,
      notes,
    };
  } finally {
    loader.dispose();
  }
}

/** What a run must be configured as to go on from the checkpoint. */
function planImport(
  options: ImportOptions,
  content: AuthorsCheckpoint,
): { config: TrainConfig; schedule: Schedule; notes: string[] } {
  const { phase, size, optimisers } = content;
  const recipe = options.recipe ?? content.recipe;
  if (recipe !== content.recipe) {
    throw new ConfigError(
      `--recipe ${recipe}: the layers of the checkpoint are those of ${content.recipe}; leave it out`,
    );
  }
  const given = {
    recipe,
    ...size,
    data: options.data ?? noData,
    run: options.out,
    batch: options.batch ?? "auto",
    // The published models of the balanced program have both.
    ...(recipe === "balanced" && options.activatedCode && { generatorSteps: 2 }),
    ...(options.resolution !== undefined && { resolution: options.resolution }),
    ...(options.kimgPerPhase !== undefined && { kimgPerPhase: options.kimgPerPhase }),
  };
  const wanted: Record<string, unknown> = options.preset ? presetOptions(options.preset, given) : given;
  const last = phaseOf(Number(wanted.resolution ?? 4)) ?? 0;
  if (options.resolution !== undefined && last < phase) {
    throw new ConfigError(
      `--resolution ${options.resolution}: the checkpoint is at ${resolutionOf(phase)} already, and a run cannot shrink`,
    );
  }
  const maxPhase = Math.max(phase, last);
  const settled = resolveTrainConfig({
    ...wanted,
    resolution: resolutionOf(maxPhase),
    lr: optimisers.encoder.learningRate,
  });
  const { schedule, kimgPerPhase, isRegular } = scheduleOfImport(content, maxPhase, {
    kimgPerPhase: wanted.kimgPerPhase as number | undefined,
    schedule: settled.schedule,
  });
  const config = resolveTrainConfig({ ...settled, kimgPerPhase });
  const rates = { encoder: optimisers.encoder.learningRate, generator: optimisers.generator.learningRate };
  const own = rates.encoder !== rates.generator && !schedule.settings;
  const { beta1, beta2 } = recipeOf(config).adam;
  const strange = Object.values(optimisers).find(({ betas }) => betas[0] !== beta1 || betas[1] !== beta2);
  return {
    config,
    schedule: own ? { ...schedule, settings: [{ startImages: 0, learningRates: rates }] } : schedule,
    notes: [
      ...(isRegular
        ? []
        : [
            `${content.images} images do not fit phases of ${kimgPerPhase} kimg: it goes on in phase ${phase} as its alpha says`,
          ]),
      ...(schedule.settings && !own && differs(settingsAt(schedule, content.images)?.learningRates, rates)
        ? [`its learning rates are ${rates.encoder} and ${rates.generator}; the schedule's win from here on`]
        : []),
      ...(strange
        ? [`it was trained with betas ${strange.betas.join(", ")}; ${recipe} goes on with ${beta1}, ${beta2}`]
        : []),
    ],
  };
}

const differs = (a: LearningRates | undefined, b: LearningRates): boolean =>
  a !== undefined && (a.encoder !== b.encoder || a.generator !== b.generator);

function checkOut(out: string): void {
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new RunError(`${out} is not empty: give --out a new folder`);
  }
}
