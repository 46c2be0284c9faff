import type { Growth } from "../networks/index.ts";
import { complaints, healthOf } from "./health.ts";
import type { Session } from "./session.ts";

/** Measures a run's health now and then, and says once a phase what is wrong with it. */
export class HealthWatch {
  readonly #session: Session;
  #phase = -1;
  readonly #told = new Set<string>();

  constructor(session: Session) {
    this.#session = session;
  }

  get isDue(): boolean {
    return performance.now() >= (this.#session.healthDue ?? 0);
  }

  measure(growth: Growth): void {
    const { config, recorder } = this.#session;
    const health = healthOf(this.#session, growth);
    if (!health) return;
    if (growth.phase !== this.#phase) this.#told.clear();
    this.#phase = growth.phase;
    for (const { kind, text } of complaints(health, config)) {
      if (this.#told.has(kind)) continue;
      this.#told.add(kind);
      recorder.report({ kind: "log", text });
    }
  }
}
