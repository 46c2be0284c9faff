// The training process: started by run.ts through process.ts, told what to do over IPC, ends with its parent.

import {
  cacheMemory,
  capabilities,
  type Device,
  dieWithParent,
  enterGraphStream,
  lockFile,
  setDeterministic,
} from "pioneer-torch";
import { resumeCommand } from "../base/command-line.ts";
import { diskError } from "../base/disk.ts";
import { exitCodes, PioneerError } from "../base/errors.ts";
import { beginLearner, readCheckpoint } from "../checkpoint/checkpoint.ts";
import { recoverCheckpoints } from "../checkpoint/files.ts";
import {
  abandonRun,
  createRun,
  lockRun,
  newestCheckpoint,
  readRunConfig,
  saveConfig,
  whyNotHeld,
} from "../checkpoint/run-folder.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { type Computing, checkCudaGraphs, chooseDevice } from "../compute/device.ts";
import type { RunComputing } from "../compute/run-computing.ts";
import { stream } from "../compute/streams.ts";
import type { TrainConfig } from "../config/config.ts";
import { type Recipe, recipeOf } from "../config/recipe.ts";
import { changesTold } from "../config/resume.ts";
import { positionAt, type Schedule } from "../config/schedule.ts";
import { Batches, PackPixels } from "../data/batches.ts";
import { openPack } from "../data/pack/pack.ts";
import { createLearner, type Learner } from "../learner/learner.ts";
import { placeLearner } from "../learner/placement.ts";
import { objectiveOf } from "../objectives/index.ts";
import { chooseRunComputing } from "./choose-computing.ts";
import { fromSizeOn } from "./computing-lines.ts";
import type { EndEvent, TrainEvent } from "./events.ts";
import { fewImages } from "./few-images.ts";
import { longRun } from "./long-run.ts";
import { trainLoop } from "./loop.ts";
import { openRun } from "./opening.ts";
import { drawReals } from "./pictures.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { Recorder } from "./recorder.ts";
import { saveCheckpoint } from "./saving.ts";
import type { Session } from "./session.ts";
import { originOf, type Source, takenOver } from "./source.ts";
import { stopAsked } from "./stop-asked.ts";
import { Trial, tryLastPhase } from "./trial.ts";

const send = (message: FromWorker) =>
  new Promise<void>((resolve) => {
    if (process.connected) process.send?.(message, undefined, {}, () => resolve());
    else resolve();
  });

dieWithParent();
cacheMemory();
// Where the kernel cannot end us with the parent, the closed channel does.
process.on("disconnect", () => process.exit(exitCodes.failed));
process.on("message", (message: ToWorker) => {
  if (message.kind === "stop") stopAsked.reason ??= message.reason;
  else void main(message.config, message.pack);
});

async function main(config: TrainConfig, packPath: string): Promise<void> {
  const pass = (event: TrainEvent) => void send({ kind: "event", event });
  try {
    const made = await lockRun(config.run, lockFile);
    await send({ kind: "done", end: await openAndTrain(config, packPath, made, pass) });
  } catch (thrown) {
    const goOn = newestCheckpoint(config.run) && `go on with \`${resumeCommand(config.run)}\``;
    const error = diskError(thrown, config.run, goOn || undefined);
    if (!(error instanceof PioneerError)) {
      const { message, stack = "" } = error as Error;
      await send({
        kind: "failed",
        code: "INTERNAL",
        message: message.split("\n")[0] ?? message,
        exitCode: exitCodes.failed,
        stack,
      });
    } else {
      const { code, message, exitCode, stack = "" } = error;
      await send({ kind: "failed", code, message, exitCode, stack });
    }
  }
  // At once: destructors of libtorch's threads are not worth waiting for, and everything is on disk.
  process.exit(0);
}

/** A new run notes its configuration first; what one that could not begin wrote is taken back, its folder too if it was `made`. */
async function openAndTrain(
  config: TrainConfig,
  packPath: string,
  made: string | undefined,
  pass: (event: TrainEvent) => void,
): Promise<EndEvent> {
  recoverCheckpoints(config.run);
  let created = false;
  try {
    if (!config.resume) {
      createRun(config);
      created = true;
    }
    return await train(config, packPath, pass);
  } catch (error) {
    // Where the folder is gone, whatever failed first, that is why; asked before we take it away ourselves.
    const why = whyNotHeld(config.run) ?? error;
    if (!config.resume) abandonRun(config.run, made, created);
    throw why;
  }
}

async function train(config: TrainConfig, packPath: string, pass: (event: TrainEvent) => void): Promise<EndEvent> {
  const pack = openPack(packPath);
  const { resumed, source, resolution, maxPhase, schedule, images } = await openRun(config, pack);
  if (resumed && resumed.state.images >= schedule.totalImages) {
    const end: EndEvent = { kind: "end", reason: "already-finished", images, path: resumed.folder };
    pass(end);
    return end;
  }

  const told = resumed ? changesTold(readRunConfig(config.run), config) : [];
  const { device } = chooseDevice(config, capabilities());
  setDeterministic(config.deterministic);
  if (config.cudaGraphs) {
    checkCudaGraphs(device, recipeOf(config));
    enterGraphStream();
  }
  const recipe = recipeOf(config);
  const begun: string[] = [];
  const { computings, lastPhaseSeconds } = await measureFirst(
    config,
    device,
    { schedule, images, before: resumed?.state },
    (text) => {
      begun.push(text);
      pass({ kind: "log", text });
    },
  );
  const computing = computings.phases.get(positionAt(schedule, images).phase) as Computing;
  const learner = openLearner(config, recipe, resumed?.folder, source);
  placeLearner(learner, device);
  const objective = objectiveOf(recipe);
  await objective.open?.(device);

  const train = pack.splits.train as Uint32Array;
  const recorder = new Recorder(config.run, images, pass);
  for (const text of begun) recorder.note(text);
  const session: Session = {
    config,
    computings,
    computing,
    pack,
    batches: new Batches(pack, train, { seed: config.seed, mirror: config.mirror, device }),
    pixels: new PackPixels(pack),
    objective,
    learner,
    schedule,
    recorder,
    stop: stopAsked,
    from: resumed?.state.from ?? (source ? originOf(source) : null),
    lastPhase: maxPhase,
    lastPhaseSeconds,
    images,
    steps: resumed?.state.steps ?? 0,
    elapsedSeconds: resumed?.state.elapsedSeconds ?? 0,
    lastCheckpoint: resumed?.folder ?? "",
  };
  recorder.report({
    kind: "start",
    run: config.run,
    data: config.data,
    count: train.length,
    device,
    precision: fromSizeOn(computings.phases, ({ precision }) => precision),
    why: computing.why,
    threads: computing.threads,
    resumed: resumed !== undefined,
    images,
    totalImages: schedule.totalImages,
  });
  if (source) recorder.report({ kind: "log", text: takenOver(source, config) });
  const last = { phase: maxPhase, seconds: lastPhaseSeconds };
  const warnings = [
    fewImages(train.length, config),
    longRun(config, { schedule, images, last }, { size: learner.generator.size, recipe: learner.recipe }),
  ];
  for (const text of [...told, ...warnings]) if (text !== undefined) recorder.report({ kind: "log", text });
  // The resolution is known now; it is noted so that a later --resume can tell growing from shrinking.
  saveConfig({ ...config, resolution });
  if (!resumed) saveCheckpoint(session, positionAt(schedule, images));
  await drawReals(session, maxPhase);

  const end = await trainLoop(session);
  objective.dispose?.();
  recorder.report(end);
  recorder.close();
  return end;
}

/** What learns: as it was, as another model has it, or at its random beginning. */
function openLearner(
  config: TrainConfig,
  recipe: Recipe,
  checkpoint: string | undefined,
  source: Source | undefined,
): Learner {
  const { latent, channels, lr, seed } = config;
  if (checkpoint !== undefined) return readCheckpoint(checkpoint, recipe, lr).learner;
  if (source) return beginLearner(source.weights, source.networks, recipe, lr);
  return createLearner(recipe, { latent, channels }, lr, stream(seed, "weights"));
}

interface Beginning {
  readonly schedule: Schedule;
  readonly images: number;
  readonly before: CheckpointState | undefined;
}

/** Chooses what the phases that are left are computed with, and tries the last one. */
async function measureFirst(
  config: TrainConfig,
  device: Device,
  { schedule, images, before }: Beginning,
  log: (text: string) => void,
): Promise<{ computings: RunComputing; lastPhaseSeconds: number }> {
  const { phase: now } = positionAt(schedule, images);
  const phases = schedule.phases.map(({ phase }) => phase).filter((phase) => phase >= now);
  const trial = await Trial.open(config, device);
  try {
    const computings = await chooseRunComputing(config, trial, { phases, before, log });
    const last = computings.phases.get(phases.at(-1) as number) as Computing;
    return { computings, lastPhaseSeconds: await tryLastPhase(trial, config, schedule, last, log) };
  } finally {
    trial.dispose();
  }
}
