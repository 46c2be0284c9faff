// How a run does, seen on held-out images through both pairs of networks; the better pair makes the pictures.
import { sampleLatents } from "pioneer-runtime";
import { cat, noGrad, scope, type Tensor, tensor } from "pioneer-torch";
import { evenly } from "../base/evenly.ts";
import type { TrainConfig } from "../config/config.ts";
import { fade } from "../data/batches.ts";
import type { Pack } from "../data/pack/pack.ts";
import { type PairName, pairNames, pairOf } from "../learner/pair.ts";
import { klToPrior, l1 } from "../losses/index.ts";
import { cosineSum, uniformKl } from "../metrics/latent.ts";
import { encoderInUse, generatorInUse } from "../models/networks-in-use.ts";
import type { Growth } from "../networks/index.ts";
import type { Health } from "./events.ts";
import type { Session } from "./session.ts";

const count = 64;
/** Images at once: measuring must not need more memory than a training step. */
const part = 8;
/** The averages are taken unless the raw pair is better by more than chance: samples want an average. */
const clearly = 0.97;

/** Seconds between measurements that nothing else asked for, and how much of the time they may take. */
const leastSeconds = 60;
const measuringShare = 0.02;

/** Held-out images; training images where nothing was held out. */
export const seenSplit = ({ splits: { test, train } }: Pack): Uint32Array =>
  (test?.length ? test : train) as Uint32Array;

/** Measured once for each state of a run; none where the encoder only judges. Nothing of the run changes. */
export function healthOf(session: Session, growth: Growth): Health | undefined {
  if (session.learner.encoder.kind.head) return undefined;
  if (session.health?.images === session.images) return session.health;
  const began = performance.now();
  session.health = measureHealth(session, growth);
  const now = performance.now();
  session.healthDue = now + Math.max(1000 * leastSeconds, (now - began) / measuringShare);
  return session.health;
}

/** The pair that makes pictures of the run as it stands. */
export const pairInUse = (session: Session, growth: Growth): PairName => healthOf(session, growth)?.pair ?? "averaged";

function measureHealth(session: Session, growth: Growth): Health {
  return noGrad(() =>
    scope(() => {
      const { pairs, deviation } = seenThrough(session, growth);
      const [averaged, raw] = pairs as [Seen, Seen];
      const [better, other] = raw.l1 < clearly * averaged.l1 ? [raw, averaged] : [averaged, raw];
      const samples = sampledBy(session, better);
      return {
        images: session.images,
        pair: better.pair,
        l1: better.l1,
        otherL1: other.l1,
        spread: spreadOfLatents(cat(better.latents)),
        cosine: samples.cosine,
        variety: samples.deviation / deviation,
      };
    }),
  );
}

/** exp(-2 (KL - KL of uniform latents)): of latents that keep their directions but crowd into a cap. */
export const spreadOf = (kl: number, latent: number, images: number): number =>
  Math.min(1, Math.exp(-2 * (kl - uniformKl(latent, images))));

/** Of a single image there is none. */
const spreadOfLatents = (z: Tensor): number =>
  z.size(0) < 2 ? Number.NaN : spreadOf(klToPrior(z).item(), z.size(1), z.size(0));

/** Images through a pair; what is prepared of it serves again. */
interface Seen {
  readonly pair: PairName;
  readonly encode: (x: Tensor) => Tensor;
  readonly generate: (z: Tensor) => Tensor;
  readonly latents: Tensor[];
  /** Mean error of the reconstructions. */
  l1: number;
}

/** Standard deviation of each pixel over images that come in parts, root mean square over the pixels. */
class Deviation {
  #images = 0;
  #sums = new Float64Array();
  #squares = 0;

  /** @param x [count, 3, height, width] */
  add(x: Tensor): void {
    scope(() => {
      const sums = x.sum([0]).toFloat32Array();
      if (this.#images === 0) this.#sums = new Float64Array(sums.length);
      for (let at = 0; at < sums.length; at++) this.#sums[at] = (this.#sums[at] as number) + (sums[at] as number);
      this.#squares += x.square().sum().item();
      this.#images += x.size(0);
    });
  }

  /** Of a single image there is none. */
  value(): number {
    if (this.#images < 2) return Number.NaN;
    const count = this.#sums.length * this.#images;
    const ofMeans = this.#sums.reduce((all, sum) => all + sum ** 2, 0) / this.#images / count;
    return Math.sqrt(Math.max(0, this.#squares / count - ofMeans));
  }
}

/** Held-out images through both pairs, and how far the images differ. */
function seenThrough({ learner, pack, pixels, computing }: Session, growth: Growth) {
  const chosen = evenly(seenSplit(pack), count);
  const pairs = pairNames.map((pair): Seen => {
    const { encoder, generator } = pairOf(learner, pair);
    const encode = encoderInUse(encoder, growth, computing.precision);
    const generate = generatorInUse(generator, growth, computing.precision, pixels.colour);
    return { pair, encode, generate, latents: [], l1: 0 };
  });
  const deviation = new Deviation();
  for (let at = 0; at < chosen.length; at += part) {
    const some = chosen.slice(at, at + part);
    const latents = scope(() => {
      const x = fade(pixels.images(some, growth.phase), growth).to(computing.device);
      deviation.add(x);
      return pairs.map((seen) => {
        const z = seen.encode(x);
        seen.l1 += l1(seen.generate(z), x).item() * some.length;
        return z;
      });
    });
    for (const [i, seen] of pairs.entries()) seen.latents.push(latents[i] as Tensor);
  }
  for (const seen of pairs) seen.l1 /= chosen.length;
  return { pairs, deviation: deviation.value() };
}

/** Of samples of the same latents every time: the mean of cos(z, E(G(z))), and how far they differ. */
function sampledBy({ config: { latent }, computing }: Session, { encode, generate }: Seen) {
  const drawn = sampleLatents(count, latent, 0);
  const deviation = new Deviation();
  let sum = 0;
  for (let at = 0; at < count; at += part) {
    sum += scope(() => {
      const z = tensor(drawn.slice(at * latent, (at + part) * latent), [part, latent]).to(computing.device);
      const samples = generate(z);
      deviation.add(samples);
      return cosineSum(z, encode(samples));
    });
  }
  return { cosine: sum / count, deviation: deviation.value() };
}

/** Under this the latents of all photos share one cap of the sphere, and their reconstructions one face. */
const collapsed = 0.1;
/** Samples that differ by less than this of what images do have become alike. */
const alike = 0.6;
/** Before so many images networks are still much as they began, at random, and all latents lie together. */
const settled = 5000;
/** Averages so much worse than the networks they follow remember weights of long ago. */
const stale = 1.5;

/** Whether nobody would want the samples of such a state. */
export const samplesAreAlike = ({ images, variety }: Health): boolean => images >= settled && variety < alike;

export interface Complaint {
  readonly kind: "collapse" | "alike" | "stale";
  readonly text: string;
}

/** What is wrong, in words, with the mend; nothing where a run is well. Losses belong to a run: only a new one has others. */
export function complaints(health: Health, { recipe, lr }: Pick<TrainConfig, "recipe" | "lr">): Complaint[] {
  const { images, pair, l1: error, otherL1, spread, variety } = health;
  if (images < settled) return [];
  const found: Complaint[] = [];
  if (spread < collapsed) {
    const apart = recipe === "cycle" ? "--margin 0.2" : "--recipe cycle, or --margin 0.05 --realm,";
    found.push({
      kind: "collapse",
      text: `the latents of held-out images keep ${(100 * spread).toFixed(0)} % of the sphere's spread, so reconstructions look alike: in a new run ${apart} keeps them apart`,
    });
  }
  if (samplesAreAlike(health)) {
    found.push({
      kind: "alike",
      text: `samples differ among each other by ${(100 * variety).toFixed(0)} % of what images do: they have become alike, though reconstructions may not have; go on from a checkpoint before it (RUN/best is one, with --evaluate-every) by --from, with a smaller --lr`,
    });
  }
  if (pair === "raw" && otherL1 > stale * error) {
    found.push({
      kind: "stale",
      text: `the averaged networks reconstruct worse (L1 ${otherL1.toFixed(3)}) than the raw ones (${error.toFixed(3)}), which make the pictures until that changes: new layers take a while; at the end of a run a smaller learning rate mends it, --resume --lr ${lr / 3}`,
    });
  }
  return found;
}
