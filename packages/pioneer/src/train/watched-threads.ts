import { setThreads } from "pioneer-torch";
import type { Computing } from "../compute/device.ts";
import { availableThreads } from "../compute/processor.ts";
import { withThreads } from "../compute/run-computing.ts";
import { threadCounts } from "./choose-threads.ts";
import { formatFinding } from "./computing-lines.ts";
import type { Session } from "./session.ts";
import { ThreadWatch } from "./thread-watch.ts";

/** Has the steps of a run on the CPU taken with the number of threads that is fastest by then. */
export class WatchedThreads {
  readonly #session: Session;
  #watch: ThreadWatch | undefined;
  #phase = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** After the session has taken what was chosen for the phase. @param batch images of a step */
  beginPhase(phase: number, batch: number): void {
    const { config, computing, ranks } = this.#session;
    this.#phase = phase;
    // Where several processes step together, one's time says nothing about its threads.
    if (computing.device !== "cpu" || ranks) return;
    // Who asks for a number gets it, and with it the same bits in every run.
    const counts = config.threads === undefined ? threadCounts(availableThreads()) : [];
    const all = [...new Set([...counts, computing.threads])].sort((a, b) => a - b);
    this.#watch = new ThreadWatch(all, computing.threads, batch);
  }

  take(step: () => void): void {
    const watch = this.#watch;
    if (!watch) {
      step();
      return;
    }
    setThreads(watch.threads);
    const start = performance.now();
    step();
    const finding = watch.took((performance.now() - start) / 1000);
    if (!finding) return;
    const { recorder, computing } = this.#session;
    recorder.report({ kind: "log", text: formatFinding(finding, computing.threads) });
    if (finding.threads !== computing.threads) this.#change(finding.threads);
  }

  /** What slows this phase down would slow down later ones too. */
  #change(threads: number): void {
    const session = this.#session;
    session.computings = withThreads(session.computings, this.#phase, threads);
    session.computing = session.computings.phases.get(this.#phase) as Computing;
  }
}
