import type { Growth } from "../networks/index.ts";
import { complaints, healthOf } from "./health.ts";
import type { Session } from "./session.ts";

/** Seconds between measurements, and the least share of them that training must have. */
const leastSeconds = 60;
const trainingShare = 0.98;

/** Measures a run's health now and then, and says once a phase what is wrong with it. */
export class HealthWatch {
  readonly #session: Session;
  /** When the next measurement is due. */
  #next = performance.now() + 1000 * leastSeconds;
  #phase = -1;
  readonly #told = new Set<string>();

  constructor(session: Session) {
    this.#session = session;
  }

  get isDue(): boolean {
    return performance.now() >= this.#next;
  }

  measure(growth: Growth): void {
    const began = performance.now();
    const health = healthOf(this.#session, growth);
    const took = performance.now() - began;
    this.#next = performance.now() + Math.max(1000 * leastSeconds, took / (1 - trainingShare));
    if (!health) return;
    if (growth.phase !== this.#phase) this.#told.clear();
    this.#phase = growth.phase;
    for (const { kind, text } of complaints(health)) {
      if (this.#told.has(kind)) continue;
      this.#told.add(kind);
      this.#session.recorder.report({ kind: "log", text });
    }
  }
}
