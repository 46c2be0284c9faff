import { join } from "node:path";
import { z } from "zod";
import { CheckpointError, RunError } from "../../base/errors.ts";
import { formatDuration, formatKimg } from "../../base/format.ts";
import { readText } from "../../base/read.ts";
import { bestName, checkpointNames } from "../../checkpoint/files.ts";
import { bestCheckpoint, hasConfig, newestCheckpoint, readRunConfig, statsFile } from "../../checkpoint/run-folder.ts";
import { type CheckpointState, isCheckpoint, readState } from "../../checkpoint/state.ts";
import { verifyCheckpoint } from "../../checkpoint/verify.ts";
import { profileOf } from "../../networks/kind.ts";
import { formatRecorded } from "../../train/computing-lines.ts";
import { formatLosses } from "../../train/progress-line.ts";
import { describeCrop } from "./describe-crop.ts";
import type { Description } from "./description.ts";

/** What is read of a line of stats.jsonl. */
const tickSchema = z.looseObject({
  images: z.number(),
  totalImages: z.number(),
  phase: z.number(),
  alpha: z.number(),
  resolution: z.number(),
  cosine: z.number().optional(),
  losses: z.record(z.string(), z.number()),
});
type Tick = z.infer<typeof tickSchema>;

/**
 * What a run or one of its checkpoints is, from its files alone: neither libtorch nor the data are needed.
 * @param verify compares the checksums of the checkpoint, of a run's newest one
 * @throws RunError if the folder is neither; ConfigError or CheckpointError if a file is damaged
 */
export async function describeRunFolder(path: string, verify: boolean): Promise<Description> {
  if (hasConfig(path)) return describeRun(path, verify);
  if (isCheckpoint(path)) return describeCheckpoint(path, verify);
  throw new RunError(
    `${path} is neither a run or model (no config.json) nor a checkpoint (no state.json): check the path`,
  );
}

async function describeRun(path: string, verify: boolean): Promise<Description> {
  const config = readRunConfig(path);
  const checkpoints = checkpointNames(path);
  const newest = newestCheckpoint(path);
  const state = newest === undefined ? undefined : verify ? verified(newest) : stateOrError(newest);
  const bestPath = bestCheckpoint(path);
  const best = bestPath === undefined ? undefined : stateOrError(bestPath);
  const last = await lastTick(join(path, statsFile));
  const { resolution = "the pack's", latent, channels, recipe, data } = config;
  const lines = [
    `run          ${path}`,
    `data         ${data}`,
    `model        ${recipe}, resolution ${resolution}, latent ${latent}, channels ${channels}${profileOf(config.channelProfile)}`,
    ...(last === undefined ? untoldLines(state) : progressLines(last)),
    `checkpoints  ${checkpoints.length === 0 ? "none" : checkpoints.join(" ")}`,
    ...bestLines(best),
    ...newestLines(state),
    ...(verify && newest !== undefined ? [`verified     ${newest}, all checksums good`] : []),
  ];
  const value = {
    kind: "run",
    path,
    config,
    checkpoints,
    ...(last && { last }),
    ...(state &&
      !(state instanceof CheckpointError) && { from: state.from, pair: state.pair, computing: state.computing }),
    ...(bestPath !== undefined && best && !(best instanceof CheckpointError) && { best: bestOf(bestPath, best) }),
    ...(verify && { verified: newest }),
  };
  return { value, lines };
}

/** A run whose newest checkpoint is damaged has more to tell than that. */
function stateOrError(checkpoint: string): CheckpointState | CheckpointError {
  try {
    return readState(checkpoint);
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
}

const bestOf = (path: string, { images, resolution, heldOutL1 }: CheckpointState) => ({
  path,
  images,
  resolution,
  heldOutL1,
});

function bestLines(state: CheckpointState | CheckpointError | undefined): string[] {
  if (state === undefined) return [];
  return [`best         ${state instanceof CheckpointError ? state.message : `${bestName}, ${errorText(state)}`}`];
}

/** How near held-out images came, where a checkpoint was kept for that. */
const errorText = ({ heldOutL1 = Number.NaN, images, resolution }: CheckpointState) =>
  `L1 ${heldOutL1.toFixed(4)} on held-out images at ${resolution}x${resolution}, ${formatKimg(images)} kimg`;

function newestLines(state: CheckpointState | CheckpointError | undefined): string[] {
  if (state === undefined) return [];
  return state instanceof CheckpointError ? [`newest       ${state.message}`] : computedLines(state, 13);
}

/**
 * What the run began with, what makes the pictures, and what the run is computed with, as far as it is known.
 * @param width of the names
 */
const computedLines = ({ from, pair, computing }: CheckpointState, width: number): string[] => [
  ...(from
    ? [
        `${"began".padEnd(width)}from ${from.path}, ${formatKimg(from.images)} kimg, ${from.resolution}x${from.resolution}`,
      ]
    : []),
  `${"pictures".padEnd(width)}by the ${pair} networks`,
  ...(computing ? [`${"computed".padEnd(width)}${formatRecorded(computing)}`] : []),
];

/** Of a run that has logged nothing, as an imported one: where its checkpoint is. @throws the error of a damaged one */
function untoldLines(state: CheckpointState | CheckpointError | undefined): string[] {
  if (state === undefined) return ["progress     nothing logged yet"];
  if (state instanceof CheckpointError) throw state;
  const { images, phase, alpha, resolution } = state;
  return [
    `progress     ${formatKimg(images)} kimg shown, nothing logged yet`,
    `phase        ${phase} (${resolution}x${resolution}), alpha ${alpha.toFixed(3)}`,
  ];
}

function progressLines(last: Tick): string[] {
  const { images, totalImages, phase, alpha, resolution } = last;
  return [
    `progress     ${formatKimg(images)} of ${formatKimg(totalImages)} kimg`,
    `phase        ${phase} (${resolution}x${resolution}), alpha ${alpha.toFixed(3)}`,
    `losses       ${formatLosses(last)}`,
  ];
}

/** The newest complete status line; a killed run may have cut off its last one. */
async function lastTick(path: string): Promise<Tick | undefined> {
  const text = await readText(path).catch(() => "");
  for (const line of text.trimEnd().split("\n").reverse()) {
    try {
      const parsed = tickSchema.safeParse(JSON.parse(line));
      if (parsed.success) return parsed.data;
    } catch {
      // cut off: the line before it is whole
    }
  }
  return undefined;
}

function describeCheckpoint(path: string, verify: boolean): Description {
  const state = verify ? verified(path) : readState(path);
  const { images, schedule, phase, alpha, resolution, recipe, latent, channels, colour, pack, version } = state;
  const lines = [
    `checkpoint  ${path}${verify ? ", all checksums good" : ""}`,
    `model       ${recipe}, latent ${latent}, channels ${channels}${profileOf(state.networks.channelBase)}, ${colour}, ${describeCrop(state)}`,
    `progress    ${formatKimg(images)} of ${formatKimg(schedule.totalImages)} kimg in ${formatDuration(state.elapsedSeconds)}`,
    `phase       ${phase} (${resolution}x${resolution}), alpha ${alpha.toFixed(3)}`,
    ...(state.heldOutL1 === undefined ? [] : [`best        ${errorText(state)}`]),
    ...computedLines(state, 12),
    // An imported checkpoint has seen no pack of ours.
    `data        ${pack.path}${pack.id === "" ? "" : `, ${pack.trainImages} images, id ${pack.id}`}`,
    `written by  pioneer ${version}`,
  ];
  // Adam's steps, one for each of some hundred parameters, are for --resume.
  const { adamSteps: _, ...facts } = state;
  return { value: { kind: "checkpoint", path, ...facts, ...(verify && { verified: true }) }, lines };
}

/** @throws CheckpointError naming the first file that is not as it was written */
function verified(path: string): CheckpointState {
  try {
    return verifyCheckpoint(path);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${error.message}; use another checkpoint`, { cause: error });
  }
}
