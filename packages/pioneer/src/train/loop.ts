// The training loop: step after step through the schedule, with ticks, grids and checkpoints on the way.
import { scope } from "pioneer-torch";
import { refusalOf } from "../base/disk.ts";
import { shellWord } from "../base/shell-word.ts";
import { batchAt } from "../config/batch.ts";
import { type Position, positionAt, type Schedule } from "../config/schedule.ts";
import { usedPair } from "../learner/learner.ts";
import { type Growth, resolutionOf } from "../networks/index.ts";
import { forgetMoments, isNewPhase, preparePool, takeComputing } from "./begin-phase.ts";
import { CapturedSteps } from "./captured-steps.ts";
import { checkFinite, divergence } from "./divergence.ts";
import { evaluatorOf } from "./evaluate.ts";
import type { EndEvent } from "./events.ts";
import { LossRing, ringSteps } from "./loss-ring.ts";
import { Meter } from "./meter.ts";
import { gridSplit } from "./pictures.ts";
import { saveCheckpoint } from "./saving.ts";
import type { Session } from "./session.ts";
import { chooseGridImages, writeSnapshots } from "./snapshot.ts";
import { oneStep } from "./take-step.ts";
import { tick } from "./tick.ts";

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
      takeComputing(session, at);
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

/** Alpha of this phase at an image count that may already lie in the next. */
function alphaNow({ phase }: Position, schedule: Schedule, images: number): number {
  if (schedule.forcedAlpha !== undefined) return schedule.forcedAlpha;
  const own = schedule.phases.find((entry) => entry.phase === phase);
  return own && own.fadeImages > 0 ? (images - own.startImages) / own.fadeImages : 1;
}

/** Whether the last batch went past a multiple of `every`. */
const passed = (images: number, batch: number, every: number) =>
  Math.floor(images / every) > Math.floor((images - batch) / every);
