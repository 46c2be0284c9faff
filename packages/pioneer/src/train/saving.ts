import { placeOf } from "../base/place.ts";
import { type CheckpointFacts, writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { bestName, pruneCheckpoints } from "../checkpoint/files.ts";
import { checkHeld } from "../checkpoint/run-folder.ts";
import { recordOf } from "../compute/run-computing.ts";
import { brokenParameter } from "../learner/learner.ts";
import type { PairName } from "../learner/pair.ts";
import type { Growth } from "../networks/index.ts";
import { agreeOnLearner } from "./agreement.ts";
import { diverged, divergence } from "./divergence.ts";
import { pairInUse } from "./health.ts";
import { isLead, type Session } from "./session.ts";

/**
 * Writes a checkpoint of the present state, then removes the oldest beyond --keep. Of several processes one writes; all must
 * hold the same.
 */
export function saveCheckpoint(session: Session, growth: Growth): void {
  const { config, learner, recorder, ranks } = session;
  if (ranks) agreeOnLearner(ranks, learner);
  if (!isLead(session)) return;
  checkHeld(config.run);
  session.lastCheckpoint = writeCheckpoint(config.run, learner, factsOf(session, growth));
  pruneCheckpoints(config.run, config.keep);
  recorder.report({ kind: "checkpoint", path: session.lastCheckpoint });
}

/** Writes the present state in the place of the best checkpoint. @returns its folder */
export function saveBest(session: Session, growth: Growth, heldOutL1: number): string {
  const { config, learner } = session;
  checkHeld(config.run);
  return writeCheckpoint(config.run, learner, { ...factsOf(session, growth), heldOutL1 }, bestName);
}

/**
 * The growth is what the networks are a model of; where training goes on is said by the schedule and the images.
 * @throws DivergedError if a weight is not finite
 */
function factsOf(session: Session, { phase, alpha }: Growth): CheckpointFacts {
  const { config, pack, schedule, images, steps, elapsedSeconds, learner } = session;
  // The losses of a step are those before its last update, which may have been the one that broke a weight.
  const broken = brokenParameter(learner);
  if (broken) throw diverged(`${broken} is not finite after the update`, divergence(session, steps, images));
  return {
    recipe: config.recipe,
    images,
    steps,
    elapsedSeconds,
    phase,
    alpha,
    colour: pack.colour,
    crop: pack.crop,
    align: pack.align?.template ?? null,
    from: session.from,
    encoderOrder: config.encoderOrder,
    schedule: { ...schedule, phases: [...schedule.phases], settings: schedule.settings && [...schedule.settings] },
    pair: pairToSave(session, { phase, alpha }),
    computing: recordOf(session.computings),
    pack: { id: pack.id, path: placeOf(pack.path), trainImages: (pack.splits.train as Uint32Array).length },
  };
}

/** Measured, but for random networks of the beginning and where somebody waits for the end: then as last known. */
function pairToSave(session: Session, growth: Growth): PairName {
  const isRandom = session.steps === 0 && session.from === null;
  return isRandom || session.stop.reason !== undefined
    ? (session.health?.pair ?? "averaged")
    : pairInUse(session, growth);
}
