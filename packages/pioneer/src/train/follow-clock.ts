import { begunPhases, clockSchedule } from "../config/clock-schedule.ts";
import type { Session } from "./session.ts";
import { imageSeconds } from "./time-left.ts";

/** With --minutes, plans what is left of the time anew, by how fast the present phase is now. */
export function followClock(session: Session, phase: number, imagesPerSecond: number, elapsedSeconds: number): void {
  const { config, schedule, images, lastPhase } = session;
  if (config.minutes === undefined) return;
  const secondsOf = imageSeconds(session, phase, 1 / imagesPerSecond);
  session.schedule = clockSchedule(begunPhases(schedule, images), lastPhase, config.minutes * 60, {
    images,
    seconds: elapsedSeconds,
    rate: (each) => 1 / secondsOf(each),
  });
}
