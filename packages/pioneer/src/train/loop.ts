// The training loop: step after step through the schedule, with status lines, pictures and checkpoints on the way.

import { setImmediate } from "node:timers/promises";
import { resumeCommand } from "../base/command-line.ts";
import { checkHeld } from "../checkpoint/run-folder.ts";
import { batchAt } from "../config/batch.ts";
import { growthAfter, positionAt } from "../config/schedule.ts";
import { resolutionOf } from "../networks/index.ts";
import { beginPhase } from "./begin-phase.ts";
import { BestCheckpoint } from "./best-checkpoint.ts";
import { SessionClock } from "./clock.ts";
import { dueAfter, type Moment } from "./due.ts";
import { evaluatorOf } from "./evaluate.ts";
import type { EndEvent } from "./events.ts";
import { ClockFollower } from "./follow-clock.ts";
import { HealthWatch } from "./health-watch.ts";
import { Meter } from "./meter.ts";
import { drawPictures } from "./pictures.ts";
import { saveCheckpoint } from "./saving.ts";
import type { Session } from "./session.ts";
import { Steps } from "./steps.ts";
import { tick } from "./tick.ts";
import { WatchedThreads } from "./watched-threads.ts";

/** Trains until the schedule ends, a stop is asked for or the time is up; each ends in a checkpoint. */
export async function trainLoop(session: Session): Promise<EndEvent> {
  const { config, recorder, stop } = session;
  const evaluate = config.evaluateEvery === undefined ? undefined : await evaluatorOf(session);
  const best = evaluate && new BestCheckpoint(session);
  const steps = new Steps(session);
  const threads = new WatchedThreads(session);
  const clock = new SessionClock(session.elapsedSeconds);
  const follower = new ClockFollower(session, clock);
  const meter = new Meter();
  const health = new HealthWatch(session);
  let phase: number | undefined;
  let reason: EndEvent["reason"] | undefined;

  while (!reason && session.images < session.schedule.totalImages) {
    const at = positionAt(session.schedule, session.images);
    const batch = batchAt(config.batch, resolutionOf(at.phase));
    if (at.phase !== phase) {
      beginPhase(session, at, batch);
      threads.beginPhase(at.phase, batch);
    }
    phase = at.phase;

    threads.take(() => steps.take(at, batch));
    follower.follow(at);
    const { schedule } = session;
    const { endImages } = positionAt(schedule, at.startImages);

    const moment: Moment = {
      batch,
      images: session.images,
      steps: session.steps,
      phaseEndImages: endImages,
      totalImages: schedule.totalImages,
      stop: stop.reason,
      minutesOfSession: clock.minutes,
      minutesSinceCheckpoint: clock.minutesSinceCheckpoint,
      secondsSinceTick: meter.seconds,
    };
    const due = dueAfter(moment, config);
    // Nothing is told, drawn or saved of steps that have not been found finite.
    if (steps.isFull || due.tick || due.pictures || due.evaluation || due.checkpoint) meter.add(steps.read());
    // Of the phase that was trained, also where the next one begins: nothing of that is trained yet.
    const trained = growthAfter(schedule, at.phase, session.images);
    if (due.tick) {
      checkHeld(config.run);
      if (health.isDue) await meter.pause(() => health.measure(trained));
      recorder.report(tick(session, { ...at, endImages }, batch, meter.take(), clock.elapsedSeconds));
    }
    if (due.pictures) await meter.pause(() => drawPictures(session, trained));
    if (due.evaluation) {
      session.elapsedSeconds = clock.elapsedSeconds;
      await meter.pause(async () => best?.consider(trained, await evaluate?.(trained)));
    }
    // Meanwhile a stop may have been asked for.
    const { checkpoint, end } = dueAfter({ ...moment, stop: stop.reason }, config);
    if (checkpoint) {
      session.elapsedSeconds = clock.elapsedSeconds;
      await meter.pause(() => saveCheckpoint(session, trained));
      clock.noteCheckpoint();
    }
    reason = end;
    await setImmediate(); // lets messages and signals in
  }
  steps.dispose();
  return endEvent(session, reason ?? "already-finished");
}

function endEvent({ config, images, lastCheckpoint }: Session, reason: EndEvent["reason"]): EndEvent {
  const end: EndEvent = { kind: "end", reason, images, path: lastCheckpoint };
  if (reason === "finished" || reason === "already-finished") return end;
  return { ...end, continueCommand: resumeCommand(config.run) };
}
