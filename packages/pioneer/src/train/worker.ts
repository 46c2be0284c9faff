// The training process: started by run.ts through process.ts, told what to do over IPC, ends with its parent.

import {
  cacheMemory,
  capabilities,
  dieWithParent,
  enterGraphStream,
  lockFile,
  Ranks,
  RanksError,
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
import { type Computing, checkCudaGraphs, chooseDevice } from "../compute/device.ts";
import { stream } from "../compute/streams.ts";
import type { TrainConfig } from "../config/config.ts";
import { type Recipe, recipeOf } from "../config/recipe.ts";
import { changesTold } from "../config/resume.ts";
import { positionAt } from "../config/schedule.ts";
import { Batches, PackPixels } from "../data/batches.ts";
import { openPack } from "../data/pack/pack.ts";
import { createLearner, type Learner } from "../learner/learner.ts";
import { placeLearner } from "../learner/placement.ts";
import { objectiveOf } from "../objectives/index.ts";
import { fromSizeOn } from "./computing-lines.ts";
import { type Crew, checkCrew, measureForAll } from "./crew.ts";
import type { EndEvent, TrainEvent } from "./events.ts";
import { fewImages } from "./few-images.ts";
import { longRun } from "./long-run.ts";
import { trainLoop } from "./loop.ts";
import { measureFirst } from "./measure-first.ts";
import { openRun } from "./opening.ts";
import { drawReals } from "./pictures.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { noRecording, Recorder } from "./recorder.ts";
import { saveCheckpoint } from "./saving.ts";
import { isLead, type Session } from "./session.ts";
import { originOf, type Source, takenOver } from "./source.ts";
import { stopAsked } from "./stop-asked.ts";

type Pass = (event: TrainEvent) => void;

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
  else void main(message);
});

async function main({ config, pack, place }: Extract<ToWorker, { kind: "train" }>): Promise<void> {
  const pass = (event: TrainEvent) => void send({ kind: "event", event });
  let ranks: Ranks | undefined;
  try {
    ranks = place && new Ranks(place);
    const crew = place && ranks && { ranks, place };
    const end = await (isLead({ ranks }) ? lead : train)(config, pack, crew, pass);
    ranks?.barrier(); // who leaves early would be missed
    await send({ kind: "done", end });
  } catch (thrown) {
    const failed = failureOf(thrown, config);
    ranks?.fail(failed.message);
    await send(failed);
  }
  // At once: destructors of libtorch's threads are not worth waiting for, and everything is on disk.
  process.exit(0);
}

function failureOf(thrown: unknown, config: TrainConfig): Extract<FromWorker, { kind: "failed" }> {
  const goOn = newestCheckpoint(config.run) && `go on with \`${resumeCommand(config.run)}\``;
  const error =
    thrown instanceof RanksError ? othersLost(thrown, goOn) : diskError(thrown, config.run, goOn || undefined);
  if (error instanceof PioneerError) {
    const { code, message, exitCode, stack = "" } = error;
    return { kind: "failed", code, message, exitCode, stack };
  }
  const { message, stack = "" } = error as Error;
  const [line = message] = message.split("\n");
  return { kind: "failed", code: "INTERNAL", message: line, exitCode: exitCodes.failed, stack };
}

function othersLost({ code, message }: RanksError, goOn: string | undefined): PioneerError {
  // What a rank said of itself says the mend, too.
  const mend = goOn && !message.includes(goOn) ? `. Nothing before the last checkpoint is lost: ${goOn}` : "";
  return new PioneerError(code, `${message}${mend}`);
}

/**
 * As the process that writes and tells. A new run notes its configuration first; what one that could not begin wrote is taken
 * back, its folder too if it was `made`.
 */
async function lead(config: TrainConfig, packPath: string, crew: Crew | undefined, pass: Pass): Promise<EndEvent> {
  const made = await lockRun(config.run, lockFile);
  recoverCheckpoints(config.run);
  let created = false;
  try {
    if (!config.resume) {
      createRun(config);
      created = true;
    }
    return await train(config, packPath, crew, pass);
  } catch (error) {
    // Where the folder is gone, whatever failed first, that is why; asked before we take it away ourselves.
    const why = whyNotHeld(config.run) ?? error;
    if (!config.resume) abandonRun(config.run, made, created);
    throw why;
  }
}

async function train(config: TrainConfig, packPath: string, crew: Crew | undefined, pass: Pass): Promise<EndEvent> {
  const pack = openPack(packPath);
  const ranks = crew?.ranks;
  const leads = isLead({ ranks });
  ranks?.barrier(); // by now the run's folder is in order
  const { resumed, source, resolution, maxPhase, schedule, images } = await openRun(config, pack);
  if (crew) checkCrew(crew, config, { pack, schedule, checkpoint: resumed?.folder });
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
  const beginning = { schedule, images, before: resumed?.state };
  const log = (text: string) => {
    begun.push(text);
    pass({ kind: "log", text });
  };
  const { computings, lastPhaseSeconds } = crew
    ? await measureForAll(crew, config, device, beginning, log)
    : await measureFirst(config, device, beginning, log);
  const computing = computings.phases.get(positionAt(schedule, images).phase) as Computing;
  const learner = openLearner(config, recipe, resumed?.folder, source);
  placeLearner(learner, device);
  const objective = objectiveOf(recipe);
  await objective.open?.(device);

  const train = pack.splits.train as Uint32Array;
  const recorder = leads ? new Recorder(config.run, images, pass) : noRecording;
  recorder.options(images, config);
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
    ranks,
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
    processes: ranks?.size,
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
  if (leads) saveConfig({ ...config, resolution });
  if (!resumed) saveCheckpoint(session, positionAt(schedule, images));
  if (leads) await drawReals(session, maxPhase);

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
