// The training loop: step after step through the schedule, with ticks, grids and checkpoints on the way.
import { scope } from "pioneer-torch";
import { refusalOf } from "../base/disk.ts";
import { shellWord } from "../base/shell-word.ts";
import { type CheckpointFacts, writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { pruneCheckpoints } from "../checkpoint/files.ts";
import { batchAt } from "../config/batch.ts";
import { type Position, positionAt, type Schedule } from "../config/schedule.ts";
import type { Pack } from "../data/pack/pack.ts";
import { brokenParameter, type Learner, usedPair } from "../learner/learner.ts";
import { type Growth, resolutionOf } from "../networks/index.ts";
import type { StepSettings } from "../objectives/index.ts";
import { CapturedSteps } from "./captured-steps.ts";
import { flopsPerImage } from "./cost.ts";
import { evaluatorOf } from "./evaluate.ts";
import type { EndEvent, TickEvent } from "./events.ts";
import { drawInputs } from "./inputs.ts";
import { LossRing, ringSteps } from "./loss-ring.ts";
import { checkFinite, type Divergence, diverged, Meter } from "./meter.ts";
import type { Session } from "./session.ts";
import { learningRatesAt, marginAt } from "./settings.ts";
import { chooseGridImages, writeSnapshots } from "./snapshot.ts";
import { trainStep } from "./step.ts";

/** Seconds between status lines. */
const tickSeconds = 5;

/** Trains until the schedule ends, a stop is asked for or the time is up; each ends in a checkpoint. */
export async function trainLoop(session: Session): Promise<EndEvent> {
  const { config, schedule, recorder, stop, learner } = session;
  const meter = new Meter();
  const ring = new LossRing(ringSteps(session.computing.device), session.computing.device);
  const captured = config.cudaGraphs
    ? new CapturedSteps(learner, (text) => recorder.report({ kind: "log", text }))
    : undefined;
  const evaluator = config.evaluateEvery === undefined ? undefined : await evaluatorOf(session);
  const chosen = chooseGridImages(gridSplit(session.pack));
  const began = performance.now();
  const elapsedBefore = session.elapsedSeconds;
  let saved = { images: session.images, time: began };
  let paused = 0;
  let announcedPhase = -1;

  /** Brings the steps since the last call into the means. @throws DivergedError naming the first that is not finite */
  const readRing = () => {
    for (const { losses, step, images, batch } of ring.read()) {
      checkFinite(losses, divergence(session, step, images));
      meter.add(losses, batch);
    }
  };
  const save = (trained: Growth) => {
    readRing();
    session.elapsedSeconds = elapsedBefore + (performance.now() - began) / 1000;
    saveCheckpoint(session, trained);
    saved = { images: session.images, time: performance.now() };
  };
  const draw = async (at: Growth) => {
    try {
      const snapshots = await writeSnapshots(usedPair(learner), session.pixels, chosen, {
        run: config.run,
        images: session.images,
        growth: at,
        precision: session.computing.precision,
        device: session.computing.device,
      });
      for (const { tag, ...picture } of snapshots) recorder.image(session.images, tag, picture);
      recorder.report({ kind: "grid", paths: snapshots.map(({ path }) => path) });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      recorder.report({ kind: "log", text: `no grid was written (${refusal}); training goes on` });
    }
  };
  const outside = async (work: () => Promise<void> | void) => {
    const start = performance.now();
    await work();
    paused += (performance.now() - start) / 1000;
  };

  while (session.images < schedule.totalImages) {
    const at = positionAt(schedule, session.images);
    const resolution = resolutionOf(at.phase);
    const batch = batchAt(config.batch, resolution);
    if (at.phase !== announcedPhase) {
      preparePool(learner, at);
      if (config.resetOptimiser && isNewPhase(learner, at)) forgetMoments(learner);
      recorder.report({ kind: "phase", phase: at.phase, resolution, batch });
      announcedPhase = at.phase;
    }

    scope(() => {
      const losses = oneStep(session, at, batch, captured);
      session.images += batch;
      session.steps++;
      ring.write(losses, { step: session.steps, images: session.images, batch });
    });

    const ended = session.images >= schedule.totalImages;
    const timeUp = config.maxMinutes !== undefined && performance.now() - began > config.maxMinutes * 60_000;
    const phaseEnds = session.images >= at.endImages;
    const ticks = meter.seconds >= tickSeconds || session.steps === 1 || ended || timeUp || stop.reason !== undefined;
    const draws = ended || timeUp || phaseEnds || passed(session.images, batch, config.gridKimg * 1000);
    const minutes = (performance.now() - saved.time) / 60_000;
    const due = minutes >= config.checkpointMinutes || passed(session.images, batch, config.checkpointKimg * 1000);
    const evaluates = passed(session.images, batch, (config.evaluateEvery ?? Number.POSITIVE_INFINITY) * 1000);
    // Nothing is told, drawn or saved of steps that have not been found finite.
    if (ring.isFull || ticks || draws || evaluates || due) readRing();
    if (ticks) {
      recorder.report(tick(session, at, batch, meter.take(paused), elapsedBefore + (performance.now() - began) / 1000));
      paused = 0;
    }
    // What is drawn, evaluated and saved is the model of this phase, at what its alpha has reached; of the next one, which may
    // begin here, nothing is trained yet.
    const trained: Growth = { phase: at.phase, alpha: Math.min(1, alphaNow(at, schedule, session.images)) };
    if (draws) await outside(() => draw(trained));
    if (evaluates && evaluator) await outside(() => evaluator(trained));
    if (due || ended || timeUp || stop.reason) await outside(() => save(trained));

    if (ended) return { kind: "end", reason: "finished", images: session.images, path: session.lastCheckpoint };
    const reason = stop.reason ?? (timeUp ? "time" : undefined);
    if (reason) {
      if (saved.images !== session.images) save(trained);
      const continueCommand = `pioneer train --run ${shellWord(config.run)} --resume`;
      return { kind: "end", reason, images: session.images, path: session.lastCheckpoint, continueCommand };
    }
    // Lets messages and signals in.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { kind: "end", reason: "already-finished", images: session.images, path: session.lastCheckpoint };
}

function oneStep(session: Session, at: Position, batch: number, captured?: CapturedSteps) {
  const { config, computing, batches, learner, schedule, images, steps } = session;
  const { seed, encoderOrder } = config;
  const { recipe, pool, generator, optimisers } = learner;
  const { device, precision } = computing;
  const rates = learningRatesAt(config, schedule, images);
  for (const network of ["encoder", "generator"] as const) optimisers[network].options.learningRate = rates[network];
  const margin = marginAt(config, schedule, images);
  const inputs = drawInputs(batches, steps, images, batch, at, {
    recipe,
    pool,
    latent: generator.size.latent,
    seed,
    device,
  });
  // While this step trains, the next one's images are made.
  const next = images + batch;
  if (next < schedule.totalImages) {
    const then = positionAt(schedule, next);
    batches.prepare(next, batchAt(config.batch, resolutionOf(then.phase)), then);
  }
  const settings: StepSettings = { growth: at, precision, encoderOrder, reduce: (mean) => mean, margin, shown: images };
  return captured ? captured.run(inputs, settings) : trainStep(learner, inputs, settings);
}

/** The pool belongs to one resolution; a resumed run keeps what its checkpoint held. */
function preparePool({ pool, recipe }: Learner, { phase }: Position): void {
  const resolution = resolutionOf(phase);
  if (pool.images?.size(-1) !== resolution) pool.clear();
  pool.capacity = resolution >= 256 ? recipe.poolSize.from256 : recipe.poolSize.below256;
}

/** Whether the phase's newest layers have never been moved: a run that goes on in the middle of a phase has moved them. */
function isNewPhase({ encoder, optimisers }: Learner, { phase }: Position): boolean {
  const moved = optimisers.encoder.state;
  return [...encoder.used({ phase, alpha: 1 }).keys()].some((name) => !moved.has(name));
}

/** Both optimisers as they were at the beginning of the run. */
function forgetMoments({ optimisers }: Learner): void {
  optimisers.encoder.dispose();
  optimisers.generator.dispose();
}

/** Alpha of this phase at an image count that may already lie in the next. */
function alphaNow({ phase }: Position, schedule: Schedule, images: number): number {
  if (schedule.forcedAlpha !== undefined) return schedule.forcedAlpha;
  const own = schedule.phases.find((entry) => entry.phase === phase);
  return own && own.fadeImages > 0 ? (images - own.startImages) / own.fadeImages : 1;
}

/** Held-out images for the grids; training images where nothing was held out. */
export const gridSplit = (pack: Pack): Uint32Array => {
  const { test, train } = pack.splits;
  return (test?.length ? test : train) as Uint32Array;
};

/** Whether the last batch went past a multiple of `every`. */
const passed = (images: number, batch: number, every: number) =>
  Math.floor(images / every) > Math.floor((images - batch) / every);

const divergence = (session: Session, step: number, images: number): Divergence => ({
  step,
  images,
  run: session.config.run,
  lastGood: session.lastCheckpoint,
  precision: session.computing.precision,
  learningRates: learningRatesAt(session.config, session.schedule, images),
});

/**
 * Writes a checkpoint of the present state, then removes the oldest beyond --keep.
 * @param trained what the networks are a model of; where training goes on is said by the schedule and the images
 */
export function saveCheckpoint(session: Session, { phase, alpha }: Growth): void {
  const { config, pack, schedule, images, steps, elapsedSeconds, learner, recorder } = session;
  // The losses of a step are those before its last update, which may have been the one that broke a weight.
  const broken = brokenParameter(learner);
  if (broken) throw diverged(`${broken} is not finite after the update`, divergence(session, steps, images));
  const facts: CheckpointFacts = {
    recipe: config.recipe,
    images,
    steps,
    elapsedSeconds,
    phase,
    alpha,
    colour: pack.colour,
    crop: pack.crop,
    align: pack.align?.template ?? null,
    encoderOrder: config.encoderOrder,
    schedule: { ...schedule, phases: [...schedule.phases], settings: schedule.settings && [...schedule.settings] },
    pack: { id: pack.id, path: pack.path, trainImages: (pack.splits.train as Uint32Array).length },
  };
  session.lastCheckpoint = writeCheckpoint(config.run, learner, facts);
  pruneCheckpoints(config.run, config.keep);
  recorder.report({ kind: "checkpoint", path: session.lastCheckpoint });
}

function tick(
  session: Session,
  at: Position,
  batch: number,
  { losses, imagesPerSecond }: ReturnType<Meter["take"]>,
  elapsedSeconds: number,
): TickEvent {
  const { images, schedule, learner } = session;
  const { recipe, generator } = learner;
  const { size } = generator;
  const { zRecon } = losses;
  const isCosine = recipe.objective === "age" && recipe.zMismatch === "cos";
  return {
    kind: "tick",
    images,
    totalImages: schedule.totalImages,
    phase: at.phase,
    phaseStartImages: at.startImages,
    phaseEndImages: at.endImages,
    alpha: at.alpha,
    resolution: resolutionOf(at.phase),
    batch,
    imagesPerSecond,
    etaPhaseSeconds: Math.max(0, at.endImages - images) / imagesPerSecond,
    etaRunSeconds: secondsLeft(session, at.phase, 1 / imagesPerSecond),
    losses,
    ...(zRecon !== undefined && isCosine && { cosine: (2 - zRecon) * size.latent }),
    elapsedSeconds,
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
  };
}

/**
 * Later phases cost more per image. Their times lie between that of now and that of the last phase, as their work does:
 * at small resolutions a step is mostly overhead, so time is not in proportion to work.
 */
function secondsLeft(
  { learner, schedule, images, lastPhaseSeconds }: Session,
  phaseNow: number,
  secondsNow: number,
): number {
  const work = (phase: number) => flopsPerImage(learner.generator.size, phase, learner.recipe);
  const last = schedule.phases.at(-1)?.phase ?? phaseNow;
  return schedule.phases.reduce((sum, { phase, startImages }, i) => {
    const end = schedule.phases[i + 1]?.startImages ?? schedule.totalImages;
    const left = Math.max(0, Math.min(end, schedule.totalImages) - Math.max(startImages, images));
    const share = phase > phaseNow ? (work(phase) - work(phaseNow)) / (work(last) - work(phaseNow)) : 0;
    return sum + left * (secondsNow + share * (lastPhaseSeconds - secondsNow));
  }, 0);
}
