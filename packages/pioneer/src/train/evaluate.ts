// Metrics in the middle of a run: few and cheap ones, to see where it goes. `pioneer evaluate` computes them all.

import { TorchError } from "pioneer-torch";
import { PioneerError } from "../base/errors.ts";
import { pairOf } from "../learner/pair.ts";
import { loadMetrics, type MetricName, type NamedMetric } from "../metrics/catalogue.ts";
import { evaluate } from "../metrics/evaluate.ts";
import { metricsRecord } from "../metrics/record.ts";
import { selectImages } from "../metrics/selection.ts";
import { subjectOf } from "../metrics/subject.ts";
import type { Growth } from "../networks/index.ts";
import { pairInUse } from "./health.ts";
import type { Session } from "./session.ts";

const cheap = ["swd", "msssim", "l1", "rmse", "ssim", "sharpness", "latent"] as const satisfies readonly MetricName[];
/** Samples, and at most as many real and held-out images. */
const count = 256;
/** The same latents, patches and directions in every evaluation of every run. */
const seed = 0;

/** Evaluates a run as it stands. @returns the error of held-out images; undefined where it was not measured */
export type Evaluator = (growth: Growth) => Promise<number | undefined>;

/**
 * What evaluates the pair that makes the pictures and notes the numbers in metrics.jsonl, TensorBoard and the log.
 * Nothing that training depends on is touched: its random numbers are functions of steps, and the encoder's u stays as it is.
 */
export async function evaluatorOf(session: Session): Promise<Evaluator> {
  // Now: when the first evaluation is due, days later, another version may have been installed.
  const metrics = await loadMetrics(cheap);
  return async (growth) => {
    try {
      return await evaluateNow(session, growth, metrics);
    } catch (error) {
      // A disk without room for the metrics is no reason to end the training, nor is a device without memory for them.
      if (!(error instanceof PioneerError || error instanceof TorchError)) throw error;
      session.recorder.report({ kind: "log", text: `not evaluated: ${error.message}` });
      return undefined;
    }
  };
}

async function evaluateNow(session: Session, growth: Growth, all: readonly NamedMetric[]): Promise<number | undefined> {
  const { pack, learner, computing, recorder, images, stop } = session;
  const began = performance.now();
  const subject = subjectOf(pairOf(learner, pairInUse(session, growth)), growth, pack.colour, computing);
  const heldOut = pack.splits.test?.length ? "test" : "train";
  const reals = pack.splits.train?.length ?? 0;
  const metrics = all.filter(
    ({ needs }) =>
      (subject.hasLatents || !needs.heldOut) &&
      subject.resolution >= (needs.resolution ?? 0) &&
      reals >= needs.images &&
      (pack.splits[heldOut]?.length ?? 0) >= (needs.heldOut ? needs.images : 0),
  );
  const selection = selectImages(subject, pack, {
    metrics,
    count: Math.min(count, reals),
    reference: "train",
    heldOut,
  });
  const values = await evaluate(subject, session.pixels, selection, {
    metrics,
    seed,
    stopped: () => stop.reason !== undefined,
  });
  if (!values) return undefined;
  recorder.metrics(
    metricsRecord(values, {
      images,
      resolution: subject.resolution,
      pack: pack.id,
      reference: "train",
      heldOut,
      seed,
      precision: computing.precision,
    }),
  );
  const text = values.map(({ name, value }) => `${name} ${Number(value.toPrecision(4))}`).join(" ");
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  recorder.report({ kind: "log", text: `evaluated in ${seconds} s: ${text}` });
  return values.find(({ name }) => name === "l1")?.value;
}
