import { batchAt } from "../config/batch.ts";
import { type Position, positionAt } from "../config/schedule.ts";
import { resolutionOf } from "../networks/index.ts";
import type { StepSettings } from "../objectives/index.ts";
import type { CapturedSteps } from "./captured-steps.ts";
import { drawInputs } from "./inputs.ts";
import type { Session } from "./session.ts";
import { learningRatesAt, marginAt } from "./settings.ts";
import { trainStep } from "./step.ts";

export function oneStep(session: Session, at: Position, batch: number, captured?: CapturedSteps) {
  const { config, computing, batches, learner, schedule, images, steps } = session;
  const { seed, encoderOrder } = config;
  const { recipe, pool, generator, optimisers } = learner;
  const { device, precision } = computing;
  const rates = learningRatesAt(config, schedule, images);
  for (const network of ["encoder", "generator"] as const) optimisers[network].options.learningRate = rates[network];
  const margin = marginAt(config, schedule, images);
  const inputs = drawInputs(batches, steps, images, batch, at, {
    recipe,
    pool,
    latent: generator.size.latent,
    seed,
    device,
  });
  // While this step trains, the next one's images are made.
  const next = images + batch;
  if (next < schedule.totalImages) {
    const then = positionAt(schedule, next);
    batches.prepare(next, batchAt(config.batch, resolutionOf(then.phase)), then);
  }
  const settings: StepSettings = { growth: at, precision, encoderOrder, reduce: (mean) => mean, margin, shown: images };
  return captured ? captured.run(inputs, settings) : trainStep(learner, inputs, settings);
}
