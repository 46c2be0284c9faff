// Which images a set of metrics is computed from, and whether there are enough.

import type { Colour, FaceTemplate } from "pioneer-runtime";
import { ConfigError, DataError } from "../base/errors.ts";
import { evenly } from "../base/evenly.ts";
import { templateText } from "../config/face-template.ts";
import type { Pack } from "../data/pack/pack.ts";
import { defaultCount, type NamedMetric } from "./catalogue.ts";
import type { MetricNeeds } from "./metric.ts";

export interface Wanted {
  readonly metrics: readonly Pick<NamedMetric, "name" | "needs">[];
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
export function selectImages(model: FittingModel, pack: Pack, wanted: Wanted): Selection {
  checkFit(model, pack);
  const { metrics } = wanted;
  for (const { name, needs } of metrics) {
    const { resolution = 0 } = needs;
    if (model.resolution < resolution) {
      throw new ConfigError(
        `${name} needs images of ${resolution}x${resolution} or larger, and the model makes ${model.resolution}x${model.resolution}: leave it out of --metrics, or train further`,
      );
    }
  }
  const needed = (what: "samples" | "reals" | "heldOut") => metrics.some(({ needs }) => needs[what]);
  const reference = needed("reals") ? splitOf(pack, wanted.reference, "--reference") : new Uint32Array();
  const heldOut = needed("heldOut") ? splitOf(pack, wanted.heldOut, "--held-out") : new Uint32Array();
  const available = reference.length > 0 ? reference.length : defaultCount;
  const count = wanted.count ?? Math.min(defaultCount, available);
  const reals = evenly(reference, count);
  const encoded = evenly(heldOut, count);

  const short = metrics.find(({ needs }) => needs.asManyReals && reals.length < count);
  if (short) {
    throw new DataError(
      `${short.name} compares as many real images as samples: ${pack.path} has ${reals.length} images in "${wanted.reference}", and --count is ${count}: give --count ${reals.length} or less`,
    );
  }
  for (const { name, needs } of metrics) {
    const enough = fewest(name, needs, wanted.featureWidth);
    if (needs.samples && count < enough.images) {
      throw wanted.count === undefined
        ? tooFew(enough, pack, wanted.reference, available)
        : new ConfigError(
            `${enough.what} needs at least ${enough.images} images, and --count is ${count}: give a larger one`,
          );
    }
    if (needs.reals && reals.length < enough.images) throw tooFew(enough, pack, wanted.reference, reals.length);
    if (needs.heldOut && encoded.length < enough.images) throw tooFew(enough, pack, wanted.heldOut, encoded.length);
  }
  return { samples: needed("samples") ? count : 0, reals, heldOut: encoded };
}

/** How many images a metric needs, who needs them, and what to do where there are fewer. */
interface Fewest {
  readonly images: number;
  readonly what: string;
  readonly mend: string;
}

function fewest(name: string, { images, moreThanFeatures }: MetricNeeds, featureWidth = 1): Fewest {
  if (!moreThanFeatures) return { images, what: name, mend: "choose another split" };
  const what = `${name} of a network with ${featureWidth} features`;
  return { images: featureWidth + 1, what, mend: moreThanFeatures.mend };
}

const tooFew = ({ images, what, mend }: Fewest, pack: Pack, split: string, has: number) =>
  new DataError(
    `${what} needs at least ${images} images, and ${pack.path} has ${has} in "${split}": add images, or ${mend}`,
  );

/** What a pack has to fit. */
interface FittingModel {
  readonly resolution: number;
  readonly colour: Colour;
  /** Where it knows faces; null for a model of photos that were not aligned, absent where it is the pack's own. */
  readonly align?: FaceTemplate | null;
}

/** @throws DataError if a model cannot be shown the images of a pack, or knows faces in other places */
export function checkFit(model: FittingModel, pack: Pack): void {
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
  if (!model.align) return;
  // As text, which is rounded: packs made before templates were have more digits, which the mend would not bring back.
  const [wanted, has] = [templateText(model.align), pack.align && templateText(pack.align.template)];
  if (wanted !== has) {
    const instead = has === null ? "holds photos that are not aligned" : "was aligned to another template";
    throw new DataError(
      `${pack.path} ${instead}, and the model knows faces aligned to ${wanted}: prepare a pack with --align faces (or POINTS.csv) --template ${wanted}`,
    );
  }
}

/** @throws DataError for a split that packs do not have, a misspelled one for instance; an empty one passes */
export function checkSplit(pack: Pack, split: string, flag: string): void {
  if (!Object.hasOwn(pack.splits, split)) splitOf(pack, split, flag);
}

function splitOf(pack: Pack, split: string, flag: string): Uint32Array {
  const found = pack.splits[split];
  if (found && found.length > 0) return found;
  const filled = Object.entries(pack.splits)
    .filter(([, images]) => images.length > 0)
    .map(([name]) => name);
  throw new DataError(`${pack.path} has no images in the split "${split}": give ${flag} ${filled.join(" or ")}`);
}
