// Computes metrics: images pass by in batches, every metric takes of each batch what it needs, and in the end says its numbers.
import { latentSampler } from "pioneer-runtime";
import { noGrad, scope, type Tensor, tensor } from "pioneer-torch";
import { floor } from "../compute/operators.ts";
import { fade, type PackPixels } from "../data/batches.ts";
import { countName, type Metric, type MetricValue } from "./catalogue.ts";
import { Covariance } from "./covariance.ts";
import { FeatureSet } from "./feature-set.ts";
import { frechetDistance } from "./fid.ts";
import { kernelDistance } from "./kid.ts";
import { cosineSum, effectiveRank, klOfMoments, uniformKl } from "./latent.ts";
import { multiScaleSsim } from "./msssim.ts";
import type { OnnxNetwork } from "./onnx-network.ts";
import { pixelErrors } from "./pixel-errors.ts";
import { precisionRecall } from "./precision-recall.ts";
import { metricRandom } from "./random.ts";
import type { Selection } from "./selection.ts";
import { ssim } from "./ssim.ts";
import type { Subject } from "./subject.ts";
import { drawDirections, PatchSet, slicedWasserstein } from "./swd.ts";

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
  const work = new Evaluation(subject, pixels, selection, options);
  try {
    await work.prepare();
    const done = (await work.seeSamples()) && (await work.seeReals()) && (await work.seeHeldOut());
    return done ? work.values() : undefined;
  } finally {
    work.dispose();
  }
}

class Evaluation {
  readonly #subject: Subject;
  readonly #pixels: PackPixels;
  readonly #selection: Selection;
  readonly #options: EvaluateOptions;
  readonly #batch: number;
  /** Patches and features of samples and of real images. */
  #patches: { samples: PatchSet; reals: PatchSet } | undefined;
  #features: { samples: FeatureSet; reals: FeatureSet } | undefined;
  readonly #codes: Covariance;
  /** All that must be given back. */
  readonly #owned: { dispose(): void }[] = [];
  /** Sums over images. */
  readonly #sums = { absolute: 0, squared: 0, psnr: 0, ssim: 0, lpips: 0, msssim: 0, cosine: 0 };
  #done = 0;

  constructor(subject: Subject, pixels: PackPixels, selection: Selection, options: EvaluateOptions) {
    this.#subject = subject;
    this.#pixels = pixels;
    this.#selection = selection;
    this.#options = options;
    this.#batch = batchSize(subject.resolution);
    this.#codes = this.#own(new Covariance(subject.latent));
  }

  /** Makes room. */
  async prepare(): Promise<void> {
    const { metrics, seed, features } = this.#options;
    const { samples, reals } = this.#selection;
    if (this.#has("swd")) {
      const make = async (count: number, whose: string) => {
        const random = metricRandom(seed, `swd patches of ${whose}`);
        return this.#own(await PatchSet.create(this.#subject.resolution, count, random));
      };
      this.#patches = { samples: await make(samples, "samples"), reals: await make(reals.length, "reals") };
    }
    if (features && (this.#has("fid") || this.#has("kid") || this.#has("pr"))) {
      const make = async (count: number) => this.#own(await FeatureSet.create(metrics, count, features.width));
      this.#features = { samples: await make(samples), reals: await make(reals.length) };
    }
  }

  /** @returns false if the evaluation was stopped */
  seeSamples(): Promise<boolean> {
    const latents = latentSampler(this.#subject.latent, this.#options.seed);
    return this.#inBatches(this.#selection.samples, "samples", async (_, count) => {
      const z = tensor(latents(count), [count, this.#subject.latent]);
      const x = await this.#subject.generate(z);
      if (this.#has("latent")) {
        const codes = await this.#subject.encode(x);
        this.#sums.cosine += cosineSum(z, codes);
        codes.dispose();
      }
      const pictures = toBytes(x);
      for (const used of [x, z]) used.dispose();
      try {
        if (this.#has("msssim")) this.#sums.msssim += similarityOfPairs(pictures);
        await this.#note(pictures, "samples");
      } finally {
        pictures.dispose();
      }
    });
  }

  seeReals(): Promise<boolean> {
    const { reals } = this.#selection;
    return this.#inBatches(reals.length, "real images", async (at, count) => {
      const pictures = scope(() => toBytes(this.#real(reals.subarray(at, at + count))));
      try {
        await this.#note(pictures, "reals");
      } finally {
        pictures.dispose();
      }
    });
  }

  seeHeldOut(): Promise<boolean> {
    const { heldOut } = this.#selection;
    const sums = this.#sums;
    const { lpips } = this.#options;
    const decodes = ["l1", "rmse", "psnr", "ssim", "lpips"].some((metric) => this.#has(metric as Metric));
    return this.#inBatches(heldOut.length, "held-out images", async (at, count) => {
      const x = this.#real(heldOut.subarray(at, at + count));
      const z = await this.#subject.encode(x);
      this.#codes.add(z);
      const y = decodes ? await this.#subject.generate(z) : x;
      const [original, decoded] = [toBytes(x), toBytes(y)];
      for (const used of [x, z, y]) used.dispose();
      try {
        const errors = pixelErrors(original, decoded);
        sums.absolute += errors.absolute;
        sums.squared += errors.squared;
        sums.psnr += errors.psnr;
        if (this.#has("ssim")) sums.ssim += scope(() => ssim(original, decoded).sum().item());
        if (lpips && this.#has("lpips")) {
          const distances = await lpips.compute(original, decoded);
          sums.lpips += scope(() => distances.to("float64").sum().item());
          distances.dispose();
        }
      } finally {
        original.dispose();
        decoded.dispose();
      }
    });
  }

  values(): MetricValue[] {
    const { samples, heldOut } = this.#selection;
    this.#tell("distances");
    const named = countName(samples);
    const sample = (name: string, value: number, better: "lower" | "higher"): MetricValue => ({
      name,
      value,
      better,
      images: samples,
    });
    const mean = (name: string, sum: number, better: "lower" | "higher"): MetricValue => ({
      name,
      value: sum / heldOut.length,
      better,
      images: heldOut.length,
    });
    const sums = this.#sums;
    const compute: Record<Metric, () => MetricValue[]> = {
      swd: () => this.#swd(named),
      msssim: () => [sample(`msssim${named}`, sums.msssim / Math.floor(samples / 2), "lower")],
      l1: () => [mean("l1", sums.absolute, "lower")],
      rmse: () => [{ ...mean("rmse", 0, "lower"), value: Math.sqrt(sums.squared / heldOut.length) }],
      psnr: () => [mean("psnr", sums.psnr, "higher")],
      ssim: () => [mean("ssim", sums.ssim, "higher")],
      fid: () => [sample(`fid${named}`, this.#frechet(), "lower")],
      kid: () => [sample(`kid${named}`, this.#kernel(), "lower")],
      pr: () => {
        const { precision, recall } = scope(() => precisionRecall(...this.#rows()));
        return [sample(`precision${named}`, precision, "higher"), sample(`recall${named}`, recall, "higher")];
      },
      lpips: () => [mean("lpips", sums.lpips, "lower")],
      latent: () => this.#latent(sums.cosine / samples),
    };
    return this.#options.metrics.flatMap((metric) => compute[metric]());
  }

  dispose(): void {
    for (const owned of this.#owned) owned.dispose();
  }

  #own<T extends { dispose(): void }>(owned: T): T {
    this.#owned.push(owned);
    return owned;
  }

  /** The mean over levels, and each level. */
  #swd(named: string): MetricValue[] {
    const { samples, reals } = this.#patches as { samples: PatchSet; reals: PatchSet };
    const value = (name: string, distance: number): MetricValue => ({
      name,
      value: 1000 * distance,
      better: "lower",
      images: this.#selection.samples,
    });
    const levels = scope(() => {
      const [a, b] = [samples.descriptors(), reals.descriptors()];
      return samples.sizes.map((size, i) => {
        const directions = drawDirections(metricRandom(this.#options.seed, `swd directions at ${size}`));
        return slicedWasserstein(a[i] as (typeof a)[number], b[i] as (typeof b)[number], directions);
      });
    });
    const mean = levels.reduce((sum, distance) => sum + distance, 0) / levels.length;
    return [
      value(`swd${named}`, mean),
      ...levels.map((distance, i) => value(`swd${named}_${samples.sizes[i]}`, distance)),
    ];
  }

  #frechet(): number {
    const { samples, reals } = this.#features as { samples: FeatureSet; reals: FeatureSet };
    return scope(() =>
      frechetDistance((reals.moments as Covariance).gaussian(), (samples.moments as Covariance).gaussian()),
    );
  }

  #kernel(): number {
    const [real, generated] = this.#rows();
    return scope(() => kernelDistance(real, generated, metricRandom(this.#options.seed, "kid subsets")));
  }

  #rows(): [real: Tensor, generated: Tensor] {
    const { samples, reals } = this.#features as { samples: FeatureSet; reals: FeatureSet };
    return [reals.rows, samples.rows];
  }

  #latent(cosine: number): MetricValue[] {
    const { samples, heldOut } = this.#selection;
    return scope(() => {
      const moments = this.#codes.gaussian("biased");
      return [
        {
          name: "kl_real",
          value: klOfMoments(moments),
          better: "near",
          target: uniformKl(this.#subject.latent, heldOut.length),
          images: heldOut.length,
        },
        { name: "effective_rank", value: effectiveRank(moments.covariance), better: "higher", images: heldOut.length },
        { name: "cosine", value: cosine, better: "higher", images: samples },
      ];
    });
  }

  async #note(pictures: Tensor, whose: "samples" | "reals"): Promise<void> {
    this.#patches?.[whose].add(pictures);
    if (!this.#features) return;
    const features = await (this.#options.features as OnnxNetwork).compute(pictures);
    this.#features[whose].add(features);
    features.dispose();
  }

  /** Images of the pack as training would see them now, in [-1, 1]. */
  #real(indices: Uint32Array): Tensor {
    const { growth } = this.#subject;
    return noGrad(() => scope(() => fade(this.#pixels.images(indices, growth.phase), growth)));
  }

  async #inBatches(
    total: number,
    stage: EvaluateProgress["stage"],
    work: (at: number, count: number) => Promise<void>,
  ): Promise<boolean> {
    for (let at = 0; at < total; at += this.#batch) {
      const count = Math.min(this.#batch, total - at);
      await work(at, count);
      this.#done += count;
      this.#tell(stage);
      // Lets messages and signals in.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#options.stopped?.()) return false;
    }
    return true;
  }

  #tell(stage: EvaluateProgress["stage"]): void {
    const { samples, reals, heldOut } = this.#selection;
    this.#options.onProgress?.({ stage, done: this.#done, total: samples + reals.length + heldOut.length });
  }

  #has(metric: Metric): boolean {
    return this.#options.metrics.includes(metric);
  }
}

/** Images at once: few enough that large ones need no more memory than small ones. Even, so that pairs stay together. */
const batchSize = (resolution: number) => Math.min(32, Math.max(2, 2 ** 19 / resolution ** 2));

/** Images in [-1, 1] as a PNG file holds them. @returns uint8 */
const toBytes = (x: Tensor): Tensor => scope(() => floor(x.clamp(-1, 1).add(1).mul(127.5).add(0.5)).to("uint8"));

/** Sum of the MS-SSIM of the first and second, third and fourth, ... picture; an odd one out is not counted. */
function similarityOfPairs(pictures: Tensor): number {
  const pairs = Math.floor(pictures.size(0) / 2);
  if (pairs === 0) return 0;
  return scope(() => {
    const [, c, h, w] = pictures.shape as [number, number, number, number];
    const both = pictures.narrow(0, 0, 2 * pairs).reshape([pairs, 2, c, h, w]);
    return multiScaleSsim(both.select(1, 0), both.select(1, 1)).sum().item();
  });
}
