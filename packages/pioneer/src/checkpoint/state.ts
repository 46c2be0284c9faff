// state.json: what a checkpoint is, in words, and the digests of the files beside it.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { colours, crops, faceTemplate } from "pioneer-runtime/internal";
import { z } from "zod";
import { refusalOf } from "../base/disk.ts";
import { CheckpointError } from "../base/errors.ts";
import { findNoted } from "../base/place.ts";
import { parseJson, readTextSync } from "../base/read.ts";
import { recordedComputing } from "../compute/run-computing.ts";
import { pairNames } from "../learner/pair.ts";
import { encoderOrders } from "../losses/choices.ts";
import { blockCount, largestWidth, resolutionOf } from "../networks/growth.ts";
import { networkKind, pioneerKind } from "../networks/kind.ts";

export const stateFile = "state.json";

/** Of what is written now; that and older ones are read. */
export const checkpointFormat = 1;

const stateSchema = z.object({
  format: z.literal(checkpointFormat),
  /** Of the program that wrote it. */
  version: z.string(),
  recipe: z.string(),
  images: z.int().min(0),
  steps: z.int().min(0),
  elapsedSeconds: z.number().min(0),
  /** Resolution of the newest block in use, and how far it is faded in. */
  resolution: z
    .int()
    .min(4)
    .max(resolutionOf(blockCount - 1)),
  phase: z
    .int()
    .min(0)
    .max(blockCount - 1),
  alpha: z.number().min(0).max(1),
  latent: z.int().min(1).max(largestWidth),
  channels: z.int().min(1).max(largestWidth),
  /** How the networks are built; older checkpoints, all of the published PIONEER, do not say. */
  networks: networkKind.default(pioneerKind),
  colour: z.enum(colours),
  crop: z.enum(crops),
  /** Where the training photos have eyes and mouth, if they were aligned; older checkpoints do not say. */
  align: z.nullable(faceTemplate).default(null),
  encoderOrder: z.enum(encoderOrders),
  schedule: z.object({
    phases: z
      .array(
        z.object({
          phase: z
            .int()
            .min(0)
            .max(blockCount - 1),
          startImages: z.number(),
          fadeImages: z.number(),
        }),
      )
      .min(1)
      .max(1000),
    totalImages: z.number(),
    settings: z
      .array(
        z.object({
          startImages: z.number(),
          learningRates: z.object({ encoder: z.number(), generator: z.number() }).optional(),
          margin: z.number().optional(),
        }),
      )
      .optional(),
    forcedAlpha: z.number().optional(),
  }),
  /** The data it was trained on: another id is other data. */
  pack: z.object({ id: z.string(), path: z.string(), trainImages: z.int() }),
  /** The model whose networks the run began with, if it did not begin with random ones; older checkpoints do not say. */
  from: z.nullable(z.object({ path: z.string(), images: z.int().min(0), resolution: z.int() })).default(null),
  /** Which networks make pictures, by their error on held-out images; older checkpoints do not say. */
  pair: z.enum(pairNames).default("averaged"),
  /** Error of that pair's reconstructions of held-out images, in a checkpoint kept because it was the smallest. */
  heldOutL1: z.number().optional(),
  /** What each phase is computed with; older checkpoints do not say. */
  computing: recordedComputing.optional(),
  /** Updates of each parameter, by network and name. */
  adamSteps: z.object({ generator: z.record(z.string(), z.int()), encoder: z.record(z.string(), z.int()) }),
  poolImages: z.int().min(0),
  /** sha256 of the files beside, by name. */
  sha256: z.record(z.string(), z.string()),
});

export type CheckpointState = z.infer<typeof stateSchema>;

/** The text of state.json; it ends with its own digest, so that an edited one is noticed. */
export function stateText(state: CheckpointState): string {
  return `${JSON.stringify({ ...state, digest: digestOf(state) }, null, 2)}\n`;
}

export const isCheckpoint = (folder: string): boolean => existsSync(join(folder, stateFile));

/** The state of a checkpoint folder. @throws CheckpointError if it is missing, damaged, edited or of a newer format */
export function readState(folder: string): CheckpointState {
  const path = join(folder, stateFile);
  let parsed: unknown;
  try {
    parsed = parseJson(readTextSync(path));
  } catch (error) {
    const why = refusalOf(error) ?? (error as Error).message;
    throw new CheckpointError(`${path} cannot be read (${why})`, { cause: error });
  }
  const { digest, ...rest } = Object(parsed) as Record<string, unknown>;
  if (typeof rest.format === "number" && rest.format > checkpointFormat) {
    throw new CheckpointError(
      `${path} has format ${rest.format}, newer than this program's ${checkpointFormat}: update pioneer`,
    );
  }
  if (digest !== digestOf(rest))
    throw new CheckpointError(`${path} was edited or cut short: its digest does not match`);
  const checked = stateSchema.safeParse(rest);
  if (!checked.success) {
    throw new CheckpointError(`${path} is not a checkpoint state: ${z.prettifyError(checked.error).split("\n")[0]}`);
  }
  const { pack } = checked.data;
  return { ...checked.data, pack: { ...pack, path: findNoted(pack.path, folder) } };
}

const digestOf = (state: unknown) => createHash("sha256").update(JSON.stringify(state)).digest("hex");
