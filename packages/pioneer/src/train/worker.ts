// The training process: started by run.ts, told what to do over IPC, ends with its parent.
import { dieWithParent, lockFile, setThreads } from "pioneer-torch";
import { readCheckpoint, readCheckpointState } from "../checkpoint/checkpoint.ts";
import { checkpointNames, recoverCheckpoints } from "../checkpoint/files.ts";
import { batchAt, type TrainConfig } from "../config.ts";
import { Batches, PackPixels } from "../data/batches.ts";
import { openPack, type Pack } from "../data/pack.ts";
import { CheckpointError, ConfigError, DataError, exitCodes, PioneerError } from "../errors.ts";
import { phaseOf, resolutionOf } from "../networks/index.ts";
import { abandonRun, createRun, lockRun, newestCheckpoint, saveConfig } from "../run-folder.ts";
import { extendSchedule, growthSchedule, type Schedule } from "../schedule.ts";
import { chooseComputing } from "./device.ts";
import type { EndEvent, TrainEvent } from "./events.ts";
import { createLearner } from "./learner.ts";
import { gridSplit, type Session, saveCheckpoint, trainLoop } from "./loop.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { Recorder } from "./recorder.ts";
import { recipeOf } from "./recipe.ts";
import { chooseGridImages, writeReals } from "./snapshot.ts";
import { stream } from "./streams.ts";
import { tryLastPhase } from "./trial.ts";

const send = (message: FromWorker) =>
  new Promise<void>((resolve) => {
    if (process.connected) process.send?.(message, undefined, {}, () => resolve());
    else resolve();
  });

const stop: Session["stop"] = {};

dieWithParent();
// Where the kernel cannot end us with the parent, the closed channel does.
process.on("disconnect", () => process.exit(exitCodes.failed));
process.on("SIGTERM", () => {
  stop.reason ??= "terminated";
});
process.on("SIGINT", () => {
  stop.reason ??= "interrupted";
});
process.on("message", (message: ToWorker) => {
  if (message.kind === "stop") stop.reason ??= message.reason;
  else void main(message.config, message.pack);
});

async function main(config: TrainConfig, packPath: string): Promise<void> {
  const pass = (event: TrainEvent) => void send({ kind: "event", event });
  try {
    await lockRun(config.run, lockFile);
    await send({ kind: "done", end: await openAndTrain(config, packPath, pass) });
  } catch (error) {
    if (!(error instanceof PioneerError)) {
      const { message, stack = "" } = error as Error;
      await send({ kind: "failed", code: "INTERNAL", message: message.split("\n")[0] ?? message, exitCode: exitCodes.failed, stack });
    } else {
      const { code, message, exitCode, stack = "" } = error;
      await send({ kind: "failed", code, message, exitCode, stack });
    }
  }
  // At once: destructors of libtorch's threads are not worth waiting for, and everything is on disk.
  process.exit(0);
}

/** A new run notes its configuration first; what one that could not begin wrote is taken back. */
async function openAndTrain(config: TrainConfig, packPath: string, pass: (event: TrainEvent) => void): Promise<EndEvent> {
  recoverCheckpoints(config.run);
  if (!config.resume) createRun(config);
  try {
    return await train(config, packPath, pass);
  } catch (error) {
    if (!config.resume) abandonRun(config.run);
    throw error;
  }
}

async function train(config: TrainConfig, packPath: string, pass: (event: TrainEvent) => void): Promise<EndEvent> {
  const pack = openPack(packPath);
  const resumed = config.resume ? newest(config.run) : undefined;
  const { resolution, maxPhase } = finalResolution(config, pack);
  const imagesPerPhase = config.kimgPerPhase * 1000;
  if (resumed) checkPack(resumed.state.pack, pack);

  const planned = resumed
    ? extendSchedule(resumed.state.schedule, maxPhase, imagesPerPhase, resumed.state.images)
    : growthSchedule(maxPhase, imagesPerPhase);
  const schedule: Schedule = { ...planned, totalImages: (config.totalKimg ?? planned.totalImages / 1000) * 1000 };
  checkBatches(config, pack, schedule);
  if (resumed && resumed.state.images >= schedule.totalImages) {
    return { kind: "end", reason: "already-finished", images: resumed.state.images, path: resumed.folder };
  }

  const computing = chooseComputing(config);
  setThreads(computing.threads);
  const recipe = recipeOf(config);
  tryLastPhase(config, schedule, computing, (text) => pass({ kind: "log", text }));
  const learner = resumed
    ? readCheckpoint(resumed.folder, recipe, config.lr).learner
    : createLearner(recipe, { latent: config.latent, channels: config.channels }, config.lr, stream(config.seed, "weights"));

  const images = resumed?.state.images ?? 0;
  const train = pack.splits.train as Uint32Array;
  const recorder = new Recorder(config.run, images, pass);
  const session: Session = {
    config,
    computing,
    pack,
    batches: new Batches(pack, train, { seed: config.seed, mirror: config.mirror, device: computing.device }),
    pixels: new PackPixels(pack),
    learner,
    schedule,
    recorder,
    stop,
    images,
    steps: resumed?.state.steps ?? 0,
    elapsedSeconds: resumed?.state.elapsedSeconds ?? 0,
    lastCheckpoint: resumed?.folder ?? "",
  };
  const { device, precision, why, threads } = computing;
  recorder.report({
    kind: "start",
    run: config.run,
    data: config.data,
    count: train.length,
    device,
    precision,
    why,
    threads,
    images,
    totalImages: schedule.totalImages,
  });
  // The resolution is known now; it is noted so that a later --resume can tell growing from shrinking.
  saveConfig({ ...config, resolution });
  if (!resumed) saveCheckpoint(session);
  const reals = await writeReals(config.run, session.pixels, chooseGridImages(gridSplit(pack)), maxPhase);
  recorder.image(images, reals.tag, reals);

  const end = await trainLoop(session);
  recorder.report(end);
  recorder.close();
  return end;
}

function newest(run: string) {
  const folder = newestCheckpoint(run);
  if (!folder) return undefined; // killed before its first checkpoint: it begins again
  try {
    return { folder, state: readCheckpointState(folder) };
  } catch (error) {
    throw offerOlder(error, run);
  }
}

/** A damaged checkpoint is named, with the newest good one and how to go on from it. */
function offerOlder(error: unknown, run: string): unknown {
  if (!(error instanceof CheckpointError)) return error;
  const [damaged, ...older] = checkpointNames(run).reverse();
  const good = older.find((name) => {
    try {
      readCheckpointState(`${run}/${name}`);
      return true;
    } catch {
      return false;
    }
  });
  const mend = good
    ? `to go on from ${good}, move the damaged one away (mv ${run}/${damaged} ${run}/damaged-${damaged}) and --resume again`
    : "there is no older one in the run: restore it from a copy, or start a new run";
  return new CheckpointError(`${error.message}; ${mend}`, { cause: error });
}

function finalResolution(config: TrainConfig, pack: Pack): { resolution: number; maxPhase: number } {
  const resolution = config.resolution ?? pack.resolution;
  const maxPhase = phaseOf(resolution);
  if (maxPhase === undefined) throw new ConfigError(`--resolution must be a power of two from 4 to 1024, got ${resolution}`);
  if (resolution > pack.resolution) {
    throw new ConfigError(
      `--resolution ${resolution} is larger than the images of ${pack.path} (${pack.resolution}): choose at most ${pack.resolution}, or prepare a larger pack`,
    );
  }
  return { resolution, maxPhase };
}

function checkPack(trained: { id: string; path: string }, pack: Pack): void {
  if (trained.id === pack.id) return;
  throw new DataError(
    `${pack.path} is not the pack this run was trained on (${trained.path}, id ${trained.id.slice(0, 12)}; now ${pack.id.slice(0, 12)}): give --data the old one, or start a new run`,
  );
}

function checkBatches(config: TrainConfig, pack: Pack, schedule: Schedule): void {
  const count = pack.splits.train?.length ?? 0;
  for (const { phase } of schedule.phases) {
    const resolution = resolutionOf(phase);
    const batch = batchAt(config.batch, resolution);
    if (batch > count) {
      throw new DataError(
        `${pack.path} has ${count} training images, fewer than the batch of ${batch} at ${resolution}x${resolution}: ${count < 2 ? "add images" : `give --batch ${Math.min(count, 2 ** Math.floor(Math.log2(count)))}`}`,
      );
    }
  }
}

