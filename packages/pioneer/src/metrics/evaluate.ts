// Computes metrics: images pass by in batches, every metric takes of each batch what it needs, and in the end says its numbers.
import { latentSampler } from "pioneer-runtime/internal";
import { noGrad, scope, type Tensor, tensor } from "pioneer-torch";
import { floor } from "../compute/operators.ts";
import { fade, type PackPixels } from "../data/batches.ts";
import type { Accumulator, Evaluation, Measuring, Metric, MetricValue, Pictures } from "./metric.ts";
import type { OnnxNetwork } from "./onnx-network.ts";
import type { Selection } from "./selection.ts";
import type { Subject } from "./subject.ts";

export interface EvaluateOptions {
  readonly metrics: readonly Metric[];
  /** Of latents, patches, directions and subsets. */
  readonly seed: number;
  /** For fid, kid and pr. */
  readonly features?: OnnxNetwork | undefined;
  readonly lpips?: OnnxNetwork | undefined;
  /** Told after each batch. */
  readonly onProgress?: ((progress: EvaluateProgress) => void) | undefined;
  /** Asked after each batch; true ends the evaluation without a result. */
  readonly stopped?: (() => boolean) | undefined;
}

export interface EvaluateProgress {
  readonly stage: "samples" | "real images" | "held-out images" | "distances";
  /** Images of all stages so far, and in all. */
  readonly done: number;
  readonly total: number;
}

/**
 * Metrics see images as PNG files hold them, clamped and rounded to 8 bits; real ones as training sees them at the model's
 * growth, without mirroring. The result depends on model, data, selection and seed, not on which other metrics are asked for.
 * @returns the values in the order of `metrics`; undefined if `stopped` said so
 * @throws  DataError if the disk has no room for what is kept of the images
 */
export async function evaluate(
  subject: Subject,
  pixels: PackPixels,
  selection: Selection,
  options: EvaluateOptions,
): Promise<MetricValue[] | undefined> {
  const owned: { dispose(): void }[] = [];
  try {
    const { measuring, seeing } = await begin(subject, selection, options, owned);
    const stages = stagesOf(subject, pixels, selection, options, seeing);
    const total = stages.reduce((sum, { images }) => sum + images, 0);
    const most = batchSize(subject.resolution);
    let done = 0;
    for (const { stage, images, show } of stages) {
      for (let at = 0; at < images; at += most) {
        const count = Math.min(most, images - at);
        await inBatch((batch) => show(at, count, batch));
        done += count;
        options.onProgress?.({ stage, done, total });
        // Lets messages and signals in.
        await new Promise((resolve) => setImmediate(resolve));
        if (options.stopped?.()) return undefined;
      }
    }
    options.onProgress?.({ stage: "distances", done, total });
    return measuring.flatMap((metric) => metric.values());
  } finally {
    for (const one of owned) one.dispose();
  }
}

/** Begins all metrics. @returns them, and with what they share everything that is to see the images */
async function begin(
  subject: Subject,
  { samples, reals, heldOut }: Selection,
  { metrics, seed, features, lpips }: EvaluateOptions,
  owned: { dispose(): void }[],
): Promise<{ measuring: Measuring[]; seeing: Accumulator[] }> {
  const shared = new Map<unknown, Promise<Accumulator>>();
  const evaluation: Evaluation = {
    subject,
    counts: { samples, reals: reals.length, heldOut: heldOut.length },
    seed,
    networks: { features, lpips },
    shared<T extends Accumulator>(start: (evaluation: Evaluation) => Promise<T>) {
      const begun = (shared.get(start) as Promise<T> | undefined) ?? start(evaluation);
      shared.set(start, begun);
      return begun;
    },
    own(one) {
      owned.push(one);
      return one;
    },
  };
  const measuring: Measuring[] = [];
  for (const metric of metrics) measuring.push(await metric.begin(evaluation));
  return { measuring, seeing: [...(await Promise.all(shared.values())), ...measuring] };
}

/** Images of one kind, and how to show some of them to all accumulators. */
interface Stage {
  readonly stage: EvaluateProgress["stage"];
  readonly images: number;
  readonly show: (at: number, count: number, batch: Batch) => Promise<void>;
}

function stagesOf(
  subject: Subject,
  pixels: PackPixels,
  selection: Selection,
  { seed, features }: EvaluateOptions,
  seeing: readonly Accumulator[],
): Stage[] {
  const { latent, growth } = subject;
  const latents = latentSampler(latent, seed);
  /** Of the pack, as training would see them now, in [-1, 1]. */
  const real = (indices: Uint32Array) => noGrad(() => scope(() => fade(pixels.images(indices, growth.phase), growth)));
  const seen = (pictures: Tensor, batch: Batch): Pictures => ({
    pictures,
    features: batch.once(() => (features as OnnxNetwork).compute(pictures)),
  });
  return [
    {
      stage: "samples",
      images: selection.samples,
      async show(_, count, batch) {
        const z = batch.own(tensor(latents(count), [count, latent]));
        const x = batch.own(await subject.generate(z));
        const samples = { z, x, ...seen(batch.own(toBytes(x)), batch) };
        for (const each of seeing) await each.seeSamples?.(samples);
      },
    },
    {
      stage: "real images",
      images: selection.reals.length,
      async show(at, count, batch) {
        const x = batch.own(real(selection.reals.subarray(at, at + count)));
        const reals = seen(batch.own(toBytes(x)), batch);
        for (const each of seeing) await each.seeReals?.(reals);
      },
    },
    {
      stage: "held-out images",
      images: selection.heldOut.length,
      async show(at, count, batch) {
        const x = batch.own(real(selection.heldOut.subarray(at, at + count)));
        const z = batch.own(await subject.encode(x));
        const decoded = batch.once(async () => toBytes(batch.own(await subject.generate(z))));
        const heldOut = { z, original: batch.own(toBytes(x)), decoded };
        for (const each of seeing) await each.seeHeldOut?.(heldOut);
      },
    },
  ];
}

/** What is freed when a batch has been seen. */
class Batch {
  readonly #owned: Tensor[] = [];

  own(one: Tensor): Tensor {
    this.#owned.push(one);
    return one;
  }

  /** Makes it when it is first asked for. */
  once(make: () => Promise<Tensor>): () => Promise<Tensor> {
    let made: Promise<Tensor> | undefined;
    return () => {
      made ??= make().then((one) => this.own(one));
      return made;
    };
  }

  dispose(): void {
    for (const one of this.#owned) one.dispose();
  }
}

async function inBatch(work: (batch: Batch) => Promise<void>): Promise<void> {
  const batch = new Batch();
  try {
    await work(batch);
  } finally {
    batch.dispose();
  }
}

/** Images at once: few enough that large ones need no more memory than small ones. Even, so that pairs stay together. */
const batchSize = (resolution: number) => Math.min(32, Math.max(2, 2 ** 19 / resolution ** 2));

/** Images in [-1, 1] as a PNG file holds them. @returns uint8 */
const toBytes = (x: Tensor): Tensor => scope(() => floor(x.clamp(-1, 1).add(1).mul(127.5).add(0.5)).to("uint8"));
