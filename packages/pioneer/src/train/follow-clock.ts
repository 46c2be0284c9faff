import { clockSchedule } from "../config/clock-schedule.ts";
import { type Position, positionAt } from "../config/schedule.ts";
import type { Session } from "./session.ts";
import { imageSeconds } from "./time-left.ts";

/** Between two plans; and a phase is not ended by an old one. */
const planSeconds = 5;

/**
 * With --minutes, plans what is left of the time anew, by how fast the present phase has been in this session: a machine
 * that stands still for a moment is no reason to leave a resolution out.
 */
export class ClockFollower {
  readonly #session: Session;
  /** Where the present phase or the session began. */
  #began: { readonly images: number; readonly seconds: number };
  #plannedAt: number;

  /** Before the first step of the session. */
  constructor(session: Session) {
    this.#session = session;
    this.#plannedAt = session.elapsedSeconds;
    this.#began = { images: session.images, seconds: this.#plannedAt };
  }

  /** After each step. @param at where it was taken @param seconds of the whole run */
  follow({ phase, endImages }: Position, seconds: number): void {
    const session = this.#session;
    const { config, schedule, images, lastPhase } = session;
    if (config.minutes === undefined) return;
    if (images < endImages && seconds - this.#plannedAt < planSeconds) return;
    const began = this.#began;
    const secondsOf = imageSeconds(session, phase, (seconds - began.seconds) / (images - began.images));
    session.schedule = clockSchedule(schedule, phase, lastPhase, config.minutes * 60, {
      images,
      seconds,
      rate: (each) => 1 / secondsOf(each),
    });
    this.#plannedAt = seconds;
    if (positionAt(session.schedule, images).phase !== phase) this.#began = { images, seconds };
  }
}
