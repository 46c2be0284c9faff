// Metrics in the middle of a run: few and cheap ones, to see where it goes. `pioneer evaluate` computes them all.

import { TorchError } from "pioneer-torch";
import { PioneerError } from "../base/errors.ts";
import { type Metric, needs } from "../metrics/catalogue.ts";
import { evaluate } from "../metrics/evaluate.ts";
import { metricsRecord } from "../metrics/record.ts";
import { selectImages } from "../metrics/selection.ts";
import { subjectOf } from "../metrics/subject.ts";
import type { Growth } from "../networks/index.ts";
import type { Session } from "./session.ts";

const cheap = ["swd", "msssim", "l1", "rmse", "ssim", "latent"] as const satisfies readonly Metric[];
/** Samples, and at most as many real and held-out images. */
const count = 256;
/** The same latents, patches and directions in every evaluation of every run. */
const seed = 0;

/**
 * Evaluates the averaged generator and the encoder and notes the numbers in metrics.jsonl, TensorBoard and the log. Nothing
 * that training depends on is touched: its random numbers are functions of steps, and the encoder's u stays as it is.
 */
export async function evaluateRun(session: Session, growth: Growth): Promise<void> {
  try {
    await evaluateNow(session, growth);
  } catch (error) {
    // A disk without room for the metrics is no reason to end the training, nor is a device without memory for them.
    if (!(error instanceof PioneerError || error instanceof TorchError)) throw error;
    session.recorder.report({ kind: "log", text: `not evaluated: ${error.message}` });
  }
}

async function evaluateNow(session: Session, growth: Growth): Promise<void> {
  const { pack, learner, computing, recorder, images, stop } = session;
  const began = performance.now();
  const subject = subjectOf(learner, growth, pack.colour, computing);
  const heldOut = pack.splits.test?.length ? "test" : "train";
  const reals = pack.splits.train?.length ?? 0;
  const metrics = cheap.filter((metric) => {
    const { resolution = 0, images: least } = needs[metric];
    return (
      (subject.hasCodes || !needs[metric].heldOut) &&
      subject.resolution >= resolution &&
      reals >= least &&
      (pack.splits[heldOut]?.length ?? 0) >= (needs[metric].heldOut ? least : 0)
    );
  });
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
  if (!values) return;
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
}
