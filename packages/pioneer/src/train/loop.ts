// The training loop: step after step through the schedule, with status lines, pictures and checkpoints on the way.

import { setImmediate } from "node:timers/promises";
import { resumeCommand } from "../base/command-line.ts";
import { checkHeld } from "../checkpoint/run-folder.ts";
import { batchAt } from "../config/batch.ts";
import { growthAfter, positionAt } from "../config/schedule.ts";
import { resolutionOf } from "../networks/index.ts";
import { agreeOnTiming, type Timing, whileBusy } from "./agreement.ts";
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
import { isLead, type Session } from "./session.ts";
import { Steps } from "./steps.ts";
import { tick } from "./tick.ts";
import { WatchedThreads } from "./watched-threads.ts";

/** Trains until the schedule ends, a stop is asked for or the time is up; each ends in a checkpoint. */
export async function trainLoop(session: Session): Promise<EndEvent> {
  const { config, recorder, stop, ranks } = session;
  const leads = isLead(session);
  const evaluate = config.evaluateEvery === undefined || !leads ? undefined : await evaluatorOf(session);
  const best = evaluate && new BestCheckpoint(session);
  const steps = new Steps(session);
  const threads = new WatchedThreads(session);
  const clock = new SessionClock(session.elapsedSeconds);
  const meter = new Meter();
  const timing = (): Timing => ({
    stop: stop.reason,
    minutesOfSession: clock.minutes,
    minutesSinceCheckpoint: clock.minutesSinceCheckpoint,
    secondsSinceTick: meter.seconds,
    elapsedSeconds: clock.elapsedSeconds,
  });
  const follower = new ClockFollower(session);
  /** Work of one process, for which the others may have to wait. */
  const pause = (work: () => Promise<void> | void) =>
    ranks ? whileBusy(ranks, () => meter.pause(work)) : meter.pause(work);
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

    // Several processes go by one clock; it is summed while the step computes.
    const agree = ranks && agreeOnTiming(ranks, timing());
    threads.take(() => steps.take(at, batch));
    const now = agree ? agree() : timing();
    follower.follow(at, now.elapsedSeconds);
    const { schedule } = session;
    const { endImages } = positionAt(schedule, at.startImages);

    const moment: Moment = {
      batch,
      images: session.images,
      steps: session.steps,
      phaseEndImages: endImages,
      totalImages: schedule.totalImages,
      ...now,
    };
    const due = dueAfter(moment, config);
    // Nothing is told, drawn or saved of steps that have not been found finite.
    if (steps.isFull || due.tick || due.pictures || due.evaluation || due.checkpoint) meter.add(steps.read());
    // Of the phase that was trained, also where the next one begins: nothing of that is trained yet.
    const trained = growthAfter(schedule, at.phase, session.images);
    if (due.tick) {
      checkHeld(config.run);
      if (leads && health.isDue) await pause(() => health.measure(trained));
      recorder.report(tick(session, { ...at, endImages }, batch, meter.take(), clock.elapsedSeconds));
    }
    if (due.pictures && leads) await pause(() => drawPictures(session, trained));
    if (due.evaluation && leads) {
      session.elapsedSeconds = clock.elapsedSeconds;
      await pause(async () => best?.consider(trained, await evaluate?.(trained)));
    }
    // Meanwhile a stop may have been asked for; several processes hear of it with the next step.
    const { checkpoint, end } = dueAfter({ ...moment, stop: ranks ? now.stop : stop.reason }, config);
    if (checkpoint) {
      session.elapsedSeconds = clock.elapsedSeconds;
      await pause(() => saveCheckpoint(session, trained));
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
