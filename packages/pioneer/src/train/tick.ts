import type { Position } from "../config/schedule.ts";
import { resolutionOf } from "../networks/index.ts";
import type { TickEvent } from "./events.ts";
import type { Means } from "./meter.ts";
import type { Session } from "./session.ts";
import { secondsLeft } from "./time-left.ts";

export function tick(
  session: Session,
  at: Position,
  batch: number,
  { losses, imagesPerSecond }: Means,
  elapsedSeconds: number,
): TickEvent {
  const { images, schedule, objective, learner } = session;
  const cosine = objective.cosine(losses, learner.generator.size.latent);
  return {
    kind: "tick",
    images,
    totalImages: schedule.totalImages,
    phase: at.phase,
    phaseStartImages: at.startImages,
    phaseEndImages: at.endImages,
    alpha: at.alpha,
    resolution: resolutionOf(at.phase),
    batch,
    imagesPerSecond,
    etaPhaseSeconds: Math.max(0, at.endImages - images) / imagesPerSecond,
    etaRunSeconds: secondsLeft(session, at.phase, 1 / imagesPerSecond),
    losses,
    ...(cosine !== undefined && { cosine }),
    ...(session.health && { health: session.health }),
    elapsedSeconds,
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
  };
}
