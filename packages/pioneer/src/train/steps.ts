import { scope } from "pioneer-torch";
import { stream } from "../compute/streams.ts";
import { batchAt } from "../config/batch.ts";
import { type Position, positionAt } from "../config/schedule.ts";
import { resolutionOf } from "../networks/index.ts";
import type { LossTerms, ObjectiveTypes, StepSettings } from "../objectives/index.ts";
import { CapturedSteps } from "./captured-steps.ts";
import { checkFinite, divergence } from "./divergence.ts";
import { drawInputs } from "./inputs.ts";
import { LossRing, type ReadStep, ringSteps } from "./loss-ring.ts";
import { meansOverRanks, overRanks, type Share, shareOf } from "./over-ranks.ts";
import type { Session } from "./session.ts";
import { learningRatesAt, marginAt } from "./settings.ts";
import { trainStep } from "./step.ts";

/** Takes the steps of a run, one after the other, and keeps their losses on the device until they are read. */
export class Steps {
  readonly #session: Session;
  readonly #ring: LossRing;
  readonly #captured: CapturedSteps<ObjectiveTypes> | undefined;

  constructor(session: Session) {
    const { config, computing, objective, learner, recorder } = session;
    this.#session = session;
    this.#ring = new LossRing(ringSteps(computing.device), computing.device);
    if (config.cudaGraphs) {
      this.#captured = new CapturedSteps(objective, learner, (text) => recorder.report({ kind: "log", text }));
    }
  }

  /** One step, after which the session is farther. @throws Error if isFull: read() comes first */
  take(at: Position, batch: number): void {
    const session = this.#session;
    scope(() => {
      const losses = this.#step(at, batch);
      session.images += batch;
      session.steps++;
      this.#ring.write(losses, { step: session.steps, images: session.images, batch });
    });
  }

  get isFull(): boolean {
    return this.#ring.isFull;
  }

  /** The steps since the last call, in their order; of all processes. @throws DivergedError naming the first that is not finite */
  read(): ReadStep[] {
    const { ranks } = this.#session;
    const own = this.#ring.read();
    const read = ranks ? meansOverRanks(ranks, own) : own;
    for (const { losses, step, images, batch } of read) {
      checkFinite(losses, divergence(this.#session, step, images, batch));
    }
    return read;
  }

  /** Frees what is kept from step to step; the learner is the session's. */
  dispose(): void {
    this.#ring.dispose();
    this.#captured?.dispose();
  }

  #step(at: Position, batch: number): LossTerms {
    const { config, computing, batches, objective, learner, schedule, images, steps } = this.#session;
    const { seed, encoderOrder } = config;
    const { device, precision } = computing;
    const { encoder, generator } = learner.optimisers;
    const rates = learningRatesAt(config, learner.recipe, schedule, images);
    encoder.options.learningRate = rates.encoder;
    generator.options.learningRate = rates.generator;
    const margin = marginAt(config, schedule, images, objective);
    const ranks = this.#session.ranks && overRanks(this.#session.ranks, batch);
    const { first, count } = this.#share(batch);
    const inputs = drawInputs(objective, learner, batches.at(images + first, count, at), {
      growth: at,
      random: (purpose) => stream(seed, purpose, steps),
      device,
      ranks,
    });
    this.#prepareNext(images + batch);
    const settings: StepSettings = { growth: at, precision, encoderOrder, ranks, margin, shown: images };
    return this.#captured ? this.#captured.run(inputs, settings) : trainStep(objective, learner, inputs, settings);
  }

  /** While a step trains, the next one's images are made. */
  #prepareNext(images: number): void {
    const { config, batches, schedule } = this.#session;
    if (images >= schedule.totalImages) return;
    const at = positionAt(schedule, images);
    const { first, count } = this.#share(batchAt(config.batch, resolutionOf(at.phase)));
    batches.prepare(images + first, count, at);
  }

  /** The images of a batch that this process takes. */
  #share(batch: number): Share {
    const { ranks } = this.#session;
    return ranks ? shareOf(batch, ranks) : { first: 0, count: batch };
  }
}
