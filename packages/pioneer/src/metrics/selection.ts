// Which images a set of metrics is computed from, and whether there are enough.
import type { Colour } from "pioneer-runtime";
import { ConfigError, DataError } from "../base/errors.ts";
import type { Pack } from "../data/pack/pack.ts";
import { type Metric, needs } from "./catalogue.ts";

/** Samples unless told otherwise, where the data has as many images to compare them with. */
const defaultCount = 10_000;

export interface Wanted {
  readonly metrics: readonly Metric[];
  /** Samples, and at most as many real and held-out images; by default 10,000 or as many as the data has. */
  readonly count?: number | undefined;
  /** Split that samples are compared with. */
  readonly reference: string;
  /** Split whose images are encoded and decoded. */
  readonly heldOut: string;
  /** Values of the feature network, where there is one. */
  readonly featureWidth?: number | undefined;
}

export interface Selection {
  /** How many samples to draw; 0 where no metric needs any. */
  readonly samples: number;
  /** Indices into the pack, ascending. */
  readonly reals: Uint32Array;
  readonly heldOut: Uint32Array;
}

/**
 * Chooses images, evenly spaced over their splits.
 * @throws ConfigError if the model's images are too small for a metric, or --count is; DataError if the pack does not fit
 * the model or holds too few images
 */
export function selectImages(
  model: { readonly resolution: number; readonly colour: Colour },
  pack: Pack,
  wanted: Wanted,
): Selection {
  checkFit(model, pack);
  const { metrics } = wanted;
  for (const metric of metrics) {
    const { resolution = 0 } = needs[metric];
    if (model.resolution < resolution) {
      throw new ConfigError(
        `${metric} needs images of ${resolution}x${resolution} or larger, and the model makes ${model.resolution}x${model.resolution}: leave it out of --metrics, or train further`,
      );
    }
  }
  const needing = (what: "samples" | "reals" | "heldOut") => metrics.filter((metric) => needs[metric][what]);
  const reference = needing("reals").length > 0 ? splitOf(pack, wanted.reference, "--reference") : new Uint32Array();
  const heldOut = needing("heldOut").length > 0 ? splitOf(pack, wanted.heldOut, "--held-out") : new Uint32Array();
  const available = reference.length > 0 ? reference.length : defaultCount;
  const count = wanted.count ?? Math.min(defaultCount, available);
  const reals = evenly(reference, count);
  const encoded = evenly(heldOut, count);

  if (metrics.includes("swd") && reals.length < count) {
    throw new DataError(
      `swd compares as many real images as samples: ${pack.path} has ${reals.length} images in "${wanted.reference}", and --count is ${count}: give --count ${reals.length} or less`,
    );
  }
  for (const metric of metrics) {
    const least = metric === "fid" ? (wanted.featureWidth ?? 1) + 1 : needs[metric].images;
    const why = metric === "fid" ? ` of a network with ${least - 1} features` : "";
    if (needs[metric].samples && count < least) {
      throw wanted.count === undefined
        ? tooFew(metric, least, why, pack, wanted.reference, available)
        : new ConfigError(`${metric}${why} needs at least ${least} images, and --count is ${count}: give a larger one`);
    }
    if (needs[metric].reals && reals.length < least) {
      throw tooFew(metric, least, why, pack, wanted.reference, reals.length);
    }
    if (needs[metric].heldOut && encoded.length < least) {
      throw tooFew(metric, least, why, pack, wanted.heldOut, encoded.length);
    }
  }
  return { samples: needing("samples").length > 0 ? count : 0, reals, heldOut: encoded };
}

function tooFew(metric: Metric, least: number, why: string, pack: Pack, split: string, has: number): DataError {
  const mend = metric === "fid" ? "add images, or use kid, which is not biased" : "add images, or choose another split";
  return new DataError(
    `${metric}${why} needs at least ${least} images, and ${pack.path} has ${has} in "${split}": ${mend}`,
  );
}

export function checkFit(model: { readonly resolution: number; readonly colour: Colour }, pack: Pack): void {
  if (pack.resolution < model.resolution) {
    throw new DataError(
      `${pack.path} holds images of ${pack.resolution}x${pack.resolution}, and the model makes ${model.resolution}x${model.resolution}: prepare a pack with --resolution ${model.resolution}`,
    );
  }
  if (pack.colour !== model.colour) {
    throw new DataError(
      `${pack.path} is ${pack.colour} and the model is ${model.colour}: prepare a pack with --colour ${model.colour}`,
    );
  }
}

function splitOf(pack: Pack, split: string, flag: string): Uint32Array {
  const found = pack.splits[split];
  if (found && found.length > 0) return found;
  const filled = Object.entries(pack.splits)
    .filter(([, images]) => images.length > 0)
    .map(([name]) => name);
  throw new DataError(`${pack.path} has no images in the split "${split}": give ${flag} ${filled.join(" or ")}`);
}

/** At most `count` of a list, evenly spaced. */
export function evenly(list: Uint32Array, count: number): Uint32Array {
  const chosen = Math.min(count, list.length);
  return Uint32Array.from({ length: chosen }, (_, i) => list[Math.floor((i * list.length) / chosen)] as number);
}
