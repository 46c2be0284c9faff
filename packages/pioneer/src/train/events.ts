import type { StopReason } from "../base/errors.ts";
import type { PairName } from "../learner/pair.ts";

/** What a training run reports, in order: start, then ticks with phases, checkpoints, grids and logs between, and end. */
export type TrainEvent = StartEvent | TickEvent | PhaseEvent | CheckpointEvent | GridEvent | LogEvent | EndEvent;

/** Receives every event; the terminal, the log file and a program that embeds us each have their own. */
export type TrainReporter = (event: TrainEvent) => void;

/** What was chosen, before the first step. */
export interface StartEvent {
  readonly kind: "start";
  readonly run: string;
  readonly data: string;
  /** Training images in the data. */
  readonly count: number;
  readonly device: string;
  readonly precision: string;
  /** Why this device and precision. */
  readonly why: string;
  readonly threads: number;
  /** That train together, where there are several. */
  readonly processes?: number | undefined;
  /** The run goes on from a checkpoint. */
  readonly resumed: boolean;
  /** Images shown so far; a new run without progression begins above 0. */
  readonly images: number;
  readonly totalImages: number;
}

/**
 * The loss terms by the names they have everywhere, which are those of the recipe; each is the mean over the tick, before
 * its weight. encoder (critic in recipe gan) and generator are what the two updates minimise.
 */
export type Losses = Readonly<Record<string, number>>;

/** How a run does on held-out images. */
export interface Health {
  /** Images shown when it was measured. */
  readonly images: number;
  /** The pair that reconstructs held-out images better, and its mean image error. */
  readonly pair: PairName;
  readonly l1: number;
  /** Of the other pair. */
  readonly otherL1: number;
  /** Share of a uniform sphere's variance that latents of held-out images keep, 0 to 1. */
  readonly spread: number;
  /** Mean of cos(z, E(G(z))) of fixed latents. */
  readonly cosine: number;
  /** How far samples differ among each other, pixel by pixel, in the deviations of held-out images: about 1 where all is well. */
  readonly variety: number;
}

/** A status line. */
export interface TickEvent {
  readonly kind: "tick";
  readonly images: number;
  readonly totalImages: number;
  readonly phase: number;
  /** Images at which this phase began and ends. */
  readonly phaseStartImages: number;
  readonly phaseEndImages: number;
  readonly alpha: number;
  readonly resolution: number;
  readonly batch: number;
  readonly imagesPerSecond: number;
  readonly etaPhaseSeconds: number;
  readonly etaRunSeconds: number;
  readonly losses: Losses;
  /** Mean of cos(z, E(G(z))), 1 when every latent is recovered; where the recipe measures it. */
  readonly cosine?: number;
  /** As last measured on held-out images; none before the first time, and where the encoder only judges. */
  readonly health?: Health;
  /** Seconds of training of the whole run, earlier sessions included. */
  readonly elapsedSeconds: number;
  /** Resident memory of the training process. */
  readonly rssMiB: number;
}

/** A new phase begins. */
export interface PhaseEvent {
  readonly kind: "phase";
  readonly phase: number;
  readonly resolution: number;
  readonly batch: number;
}

/** A checkpoint is complete on disk. */
export interface CheckpointEvent {
  readonly kind: "checkpoint";
  readonly path: string;
}

/** Grids of pictures were written. */
export interface GridEvent {
  readonly kind: "grid";
  readonly paths: readonly string[];
}

/** A line worth reading that is none of the others. */
export interface LogEvent {
  readonly kind: "log";
  readonly text: string;
}

/** The last event of a call. */
export interface EndEvent {
  readonly kind: "end";
  readonly reason: StopReason | "finished" | "time" | "already-finished";
  readonly images: number;
  /** The newest checkpoint. */
  readonly path: string;
  /** The command that goes on with the run; none when it is finished. */
  readonly continueCommand?: string;
}
