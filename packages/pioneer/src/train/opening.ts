// What a run is before it runs: the checkpoint it goes on from or the model it begins with, its schedule, and whether data
// and options fit.
import { CheckpointError, ConfigError, DataError } from "../base/errors.ts";
import { checkpointNames } from "../checkpoint/files.ts";
import { newestCheckpoint } from "../checkpoint/run-folder.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { newestWhole, verifyCheckpoint } from "../checkpoint/verify.ts";
import { batchAt } from "../config/batch.ts";
import { firstClockSchedule } from "../config/clock-schedule.ts";
import type { TrainConfig } from "../config/config.ts";
import {
  beginGrown,
  extendSchedule,
  growthSchedule,
  type Schedule,
  startFadedIn,
  startOfPhase,
} from "../config/schedule.ts";
import { scheduleFromFile } from "../config/schedule-file.ts";
import type { Pack } from "../data/pack/pack.ts";
import { phaseOf, resolutionOf } from "../networks/index.ts";
import { checkSourcePack, readSource, type Source } from "./source.ts";
import { checkPack } from "./trained-pack.ts";

export interface Opening {
  /** The newest checkpoint of a run that goes on. */
  readonly resumed: { readonly folder: string; readonly state: CheckpointState } | undefined;
  /** The model that a new run begins with, where it does not begin with random networks. */
  readonly source: Source | undefined;
  /** Final resolution, and its phase. */
  readonly resolution: number;
  readonly maxPhase: number;
  readonly schedule: Schedule;
  /** Images counted so far; above 0 also in a new run that skips phases. */
  readonly images: number;
}

/**
 * Reads where a run stands; writes nothing.
 * @throws CheckpointError if the newest checkpoint is damaged; ConfigError, DataError if options or data do not fit
 */
export async function openRun(config: TrainConfig, pack: Pack): Promise<Opening> {
  const resumed = config.resume ? newest(config.run) : undefined;
  const source = resumed ? undefined : await openSource(config, pack);
  const { resolution, maxPhase } = finalResolution(config, pack);
  if (resumed) checkPack(resumed.state, pack);
  const schedule = plannedSchedule(config, maxPhase, resumed?.state, source);
  checkBatches(config, pack, schedule);
  const images = resumed?.state.images ?? firstImages(config, schedule);
  if (!resumed && images >= schedule.totalImages) {
    const [begin, end] = [images / 1000, schedule.totalImages / 1000];
    throw new ConfigError(
      `--total-kimg ${end} ends before this run begins: kimg count from the start of the schedule, and it begins at ${begin}; give more than ${begin}`,
    );
  }
  return { resumed, source, resolution, maxPhase, schedule, images };
}

/** The model of --from, whole, with a pack that goes with it. */
async function openSource({ from }: TrainConfig, pack: Pack): Promise<Source | undefined> {
  if (from === undefined) return undefined;
  const source = await readSource(from);
  checkSourcePack(source, pack);
  await source.verify();
  return source;
}

/**
 * @param before the checkpoint of a run that goes on
 * @param source the model that a new run begins with
 */
export function plannedSchedule(
  config: TrainConfig,
  maxPhase: number,
  before: CheckpointState | undefined,
  source?: Pick<Source, "phase">,
): Schedule {
  if (config.minutes !== undefined) return firstClockSchedule(config.minutes, maxPhase, before, source?.phase);
  const { forceAlpha: forcedAlpha, totalKimg } = config;
  const imagesPerPhase = Math.round(config.kimgPerPhase * 1000);
  const whole = config.schedule
    ? scheduleFromFile(config.schedule, maxPhase, imagesPerPhase)
    : growthSchedule(maxPhase, imagesPerPhase, source?.phase);
  const planned = before ? extendSchedule(before.schedule, whole, before.images) : source ? beginGrown(whole) : whole;
  const totalImages = totalKimg === undefined ? planned.totalImages : Math.round(totalKimg * 1000);
  if (before && planned.phases.length > before.schedule.phases.length && totalImages <= before.images) {
    const resolution = resolutionOf(maxPhase);
    throw new ConfigError(
      `--total-kimg ${totalKimg} ended the run, which cannot grow to ${resolution}x${resolution} so: give --total-kimg ${planned.totalImages / 1000}`,
    );
  }
  return { ...planned, totalImages, ...(forcedAlpha !== undefined && { forcedAlpha }) };
}

/** Where a new run begins to count. @throws ConfigError if it would begin in a phase that the schedule lacks */
export function firstImages({ progression, startPhase }: TrainConfig, schedule: Schedule): number {
  if (!progression) return startFadedIn(schedule);
  const images = startOfPhase(schedule, startPhase ?? schedule.phases[0]?.phase ?? 0);
  if (images !== undefined) return images;
  const known = `${schedule.phases[0]?.phase} to ${schedule.phases.at(-1)?.phase}`;
  throw new ConfigError(`--start-phase ${startPhase} is not in the schedule: choose one of ${known}`);
}

function newest(run: string) {
  const folder = newestCheckpoint(run);
  if (!folder) return undefined; // killed before its first checkpoint: it begins again
  try {
    return { folder, state: verifyCheckpoint(folder) };
  } catch (error) {
    throw offerOlder(error, run);
  }
}

/** A damaged checkpoint is named, with the newest good one and how to go on from it. */
function offerOlder(error: unknown, run: string): unknown {
  if (!(error instanceof CheckpointError)) return error;
  const damaged = checkpointNames(run).at(-1) as string;
  const good = newestWhole(run, damaged);
  const mend = good
    ? `to go on from ${good}, move the damaged one away (mv ${run}/${damaged} ${run}/damaged-${damaged}) and --resume again`
    : "there is no older one in the run: restore it from a copy, or start a new run";
  return new CheckpointError(`${error.message}; ${mend}`, { cause: error });
}

function finalResolution(config: TrainConfig, pack: Pack): { resolution: number; maxPhase: number } {
  const resolution = config.resolution ?? pack.resolution;
  const maxPhase = phaseOf(resolution);
  if (maxPhase === undefined)
    throw new ConfigError(`--resolution must be a power of two from 4 to 1024, got ${resolution}`);
  if (resolution > pack.resolution) {
    throw new ConfigError(
      `--resolution ${resolution} is larger than the images of ${pack.path} (${pack.resolution}): choose at most ${pack.resolution}, or prepare a larger pack`,
    );
  }
  return { resolution, maxPhase };
}

/** Where the other images of a pack went, in brackets. */
function notTrained({ count, splits, skipped }: Pack): string {
  const others = count - (splits.train?.length ?? 0);
  const parts = [
    ...(others > 0 ? [`${others} of its ${count} are held out or of other splits`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} could not be used`] : []),
  ];
  return parts.length > 0 ? ` (${parts.join("; ")})` : "";
}

function checkBatches(config: TrainConfig, pack: Pack, schedule: Schedule): void {
  const count = pack.splits.train?.length ?? 0;
  for (const { phase } of schedule.phases) {
    const resolution = resolutionOf(phase);
    const batch = batchAt(config.batch, resolution);
    if (batch > count) {
      throw new DataError(
        `${config.data} has ${count} training images${notTrained(pack)}, fewer than the batch of ${batch} at ${resolution}x${resolution}: ${count < 2 ? "add images" : `give --batch ${Math.min(count, 2 ** Math.floor(Math.log2(count)))}`}`,
      );
    }
  }
}
