// How a run does, seen on held-out images through both pairs of networks; the better pair makes the pictures.
import { sampleLatents } from "pioneer-runtime";
import { cat, noGrad, scope, tensor } from "pioneer-torch";
import { evenly } from "../base/evenly.ts";
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

/** Held-out images; training images where nothing was held out. */
export const seenSplit = ({ splits: { test, train } }: Pack): Uint32Array =>
  (test?.length ? test : train) as Uint32Array;

/** Measured once for each state of a run; none where the encoder only judges. Nothing of the run changes. */
export function healthOf(session: Session, growth: Growth): Health | undefined {
  if (session.learner.encoder.kind.head) return undefined;
  if (session.health?.images !== session.images) session.health = measureHealth(session, growth);
  return session.health;
}

/** The pair that makes pictures of the run as it stands. */
export const pairInUse = (session: Session, growth: Growth): PairName => healthOf(session, growth)?.pair ?? "averaged";

function measureHealth(session: Session, growth: Growth): Health {
  const chosen = evenly(seenSplit(session.pack), count);
  const [averaged, raw] = pairNames.map((pair) => reconstruct(session, growth, pair, chosen)) as [Seen, Seen];
  const isRaw = raw.l1 < clearly * averaged.l1;
  const [seen, other] = isRaw ? [raw, averaged] : [averaged, raw];
  const pair = isRaw ? "raw" : "averaged";
  return {
    images: session.images,
    pair,
    l1: seen.l1,
    otherL1: other.l1,
    spread: spreadOf(seen.kl, session.config.latent, chosen.length),
    cosine: returned(session, growth, pair),
  };
}

/** exp(-2 (KL - KL of uniform latents)): of latents that keep their directions but crowd into a cap. */
export const spreadOf = (kl: number, latent: number, images: number): number =>
  Math.min(1, Math.exp(-2 * (kl - uniformKl(latent, images))));

interface Seen {
  readonly l1: number;
  readonly kl: number;
}

function reconstruct(
  { learner, pixels, computing }: Session,
  growth: Growth,
  name: PairName,
  chosen: Uint32Array,
): Seen {
  const { encoder, generatorEma } = pairOf(learner, name);
  const { precision, device } = computing;
  return noGrad(() =>
    scope(() => {
      const encode = encoderInUse(encoder, growth, precision);
      const generate = generatorInUse(generatorEma, growth, precision, pixels.colour);
      let sum = 0;
      const latents = [];
      for (let at = 0; at < chosen.length; at += part) {
        const some = chosen.slice(at, at + part);
        const x = fade(pixels.images(some, growth.phase), growth).to(device);
        const z = encode(x);
        latents.push(z);
        sum += l1(generate(z), x).item() * some.length;
      }
      const all = cat(latents);
      return { l1: sum / chosen.length, kl: all.size(0) < 2 ? Number.NaN : klToPrior(all, (mean) => mean).item() };
    }),
  );
}

function returned({ learner, pixels, computing }: Session, growth: Growth, name: PairName): number {
  const { encoder, generatorEma } = pairOf(learner, name);
  const { latent } = encoder.size;
  const drawn = sampleLatents(count, latent, 0);
  const { precision, device } = computing;
  return noGrad(() =>
    scope(() => {
      const encode = encoderInUse(encoder, growth, precision);
      const generate = generatorInUse(generatorEma, growth, precision, pixels.colour);
      let sum = 0;
      for (let at = 0; at < count; at += part) {
        const z = tensor(drawn.slice(at * latent, (at + part) * latent), [part, latent]).to(device);
        sum += cosineSum(z, encode(generate(z)));
      }
      return sum / count;
    }),
  );
}

/** Under this the latents of all photos share one cap of the sphere, and their reconstructions one face. */
const collapsed = 0.1;
/** Averages so much worse than the networks they follow remember weights of long ago. */
const stale = 1.5;

export interface Complaint {
  readonly kind: "collapse" | "stale";
  readonly text: string;
}

/** What is wrong, in words, with the mend; nothing where a run is well. */
export function complaints({ pair, l1: error, otherL1, spread }: Health): Complaint[] {
  const found: Complaint[] = [];
  if (spread < collapsed) {
    found.push({
      kind: "collapse",
      text: `the latents of held-out images keep ${(100 * spread).toFixed(0)} % of the sphere's spread, so reconstructions look alike: --recipe cycle, or --margin 0.05 --realm, keeps them apart`,
    });
  }
  if (pair === "raw" && otherL1 > stale * error) {
    found.push({
      kind: "stale",
      text: `the averaged networks reconstruct worse (L1 ${otherL1.toFixed(3)}) than the raw ones (${error.toFixed(3)}), which make the pictures until that changes: a shorter average, --ema-decay 0.99, follows better`,
    });
  }
  return found;
}
