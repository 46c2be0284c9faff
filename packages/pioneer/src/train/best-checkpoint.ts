import { CheckpointError } from "../base/errors.ts";
import { formatKimg } from "../base/format.ts";
import { bestCheckpoint } from "../checkpoint/run-folder.ts";
import { readState } from "../checkpoint/state.ts";
import { type Growth, resolutionOf } from "../networks/index.ts";
import { healthOf, samplesAreAlike } from "./health.ts";
import { saveBest } from "./saving.ts";
import type { Session } from "./session.ts";

/** How near the reconstructions of held-out images came, by the pair that makes the pictures. */
export interface Reached {
  readonly phase: number;
  readonly l1: number;
  /** Samples have become alike: nobody would want it, however near its reconstructions come. */
  readonly alike?: boolean | undefined;
}

/** Of the run so far is the best what came nearest at its highest resolution: errors of small images are smaller. */
export const isBetter = (now: Reached, before: Reached | undefined): boolean =>
  Number.isFinite(now.l1) &&
  !now.alike &&
  (before === undefined || now.phase > before.phase || (now.phase === before.phase && now.l1 < before.l1));

/**
 * Keeps the checkpoint with the smallest held-out error in a folder of its own, so that neither --keep nor a later
 * checkpoint of the same thousand images takes it away. The folder itself says how good it is: a run that goes on needs
 * nothing else.
 */
export class BestCheckpoint {
  readonly #session: Session;
  #reached: Reached | undefined;

  constructor(session: Session) {
    this.#session = session;
    const folder = bestCheckpoint(session.config.run);
    if (folder === undefined) return;
    try {
      const { phase, heldOutL1 = Number.POSITIVE_INFINITY } = readState(folder);
      this.#reached = { phase, l1: heldOutL1 };
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      session.recorder.report({ kind: "log", text: `${error.message}; the next evaluation writes a new one` });
    }
  }

  /**
   * Images that a new block fades into are smoother, hence nearer: they count once it is faded in.
   * @param l1 as just measured; undefined where it was not
   */
  consider(growth: Growth, l1: number | undefined): void {
    const { schedule, images, recorder } = this.#session;
    const health = healthOf(this.#session, growth);
    const isFading = growth.alpha < 1 && schedule.forcedAlpha === undefined;
    if (l1 === undefined || isFading) return;
    const reached = { phase: growth.phase, l1, alike: health && samplesAreAlike(health) };
    if (!isBetter(reached, this.#reached)) return;
    const path = saveBest(this.#session, growth, l1);
    this.#reached = reached;
    const resolution = resolutionOf(growth.phase);
    const text = `best so far: L1 ${l1.toFixed(4)} on held-out images at ${resolution}x${resolution}, ${formatKimg(images)} kimg; kept in ${path}`;
    recorder.report({ kind: "log", text });
  }
}
