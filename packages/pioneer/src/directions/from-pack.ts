// `pioneer directions` without its words: a model and a labelled pack in, directions out.

import type { Model } from "pioneer-runtime/internal";
import { ConfigError, DataError } from "../base/errors.ts";
import { evenly } from "../base/evenly.ts";
import { PackPixels } from "../data/batches.ts";
import type { Pack } from "../data/pack/pack.ts";
import { checkFit } from "../metrics/selection.ts";
import { phaseOf } from "../networks/index.ts";
import { type Attribute, checkAttribute, findAttribute, leastImages } from "./attributes.ts";
import { calibrate, picturesTried } from "./calibrate.ts";
import type { Direction } from "./file.ts";
import { directionsOf, type Latents, learnMoves, principalDirections } from "./learn.ts";
import type { Method } from "./methods.ts";

export interface DirectionOptions {
  readonly method: Method;
  /** As --attribute takes them; none for pca. */
  readonly attributes: readonly string[];
  readonly orthogonal: boolean;
  /** Attributes that all directions are to leave alone, as --attribute takes them; none for pca. */
  readonly hold?: readonly string[] | undefined;
  /** Whether moves are mended by what they do to pictures. */
  readonly calibrate?: boolean | undefined;
  /** Most images to learn from; as many as a fifth of it are held out. */
  readonly count: number;
  /** Directions of pca, 8 by default. */
  readonly components?: number | undefined;
  /** Told how many images have been encoded, those that moves were tried on among them. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Images encoded at once. */
const batch = 32;
/** Of a pack without enough labelled images in its split `test`, every fifth is held out. */
const heldOutShare = 5;

/** @throws ConfigError for attributes that the pack does not have; DataError if too few images show them, or the pack does not fit */
export async function directionsFromPack(
  model: Model,
  pack: Pack,
  options: DirectionOptions,
): Promise<Record<string, Direction>> {
  const { method, orthogonal, calibrate: calibrated = false, components, onProgress } = options;
  checkFit(model, pack);
  const attributes = options.attributes.map((text) => findAttribute(text, pack));
  const held = (options.hold ?? []).map((text) => findAttribute(text, pack, "--hold"));
  const all = [...attributes, ...held];
  checkNames(attributes, held, method);
  const { fitted, heldOut } = chooseImages(pack, attributes, options);
  if (fitted.length < 2 * leastImages) {
    throw new DataError(
      `${pack.path} has ${fitted.length} images to learn from, at least ${2 * leastImages} are needed: give a larger pack, or label more`,
    );
  }
  for (const attribute of all) checkAttribute(attribute, fitted);

  const images = [...fitted, ...heldOut];
  const rows = { fitted: fitted.map((_, i) => i), heldOut: heldOut.map((_, i) => fitted.length + i) };
  const total = images.length + (calibrated ? picturesTried(rows, attributes.length, held.length) : 0);
  const latents: Latents = {
    values: await encodeImages(model, pack, images, (done) => onProgress?.(done, total)),
    latent: model.latent,
    ...rows,
  };
  if (method === "pca") return principalDirections(latents, components);
  const ofImages = (attribute: Attribute) => ({
    ...attribute,
    values: Float64Array.from(images, (image) => attribute.values[image] as number),
  });
  const how = { method, orthogonal, held: held.map(ofImages) };
  const learned = learnMoves(latents, attributes.map(ofImages), how);
  const onTried = (pictures: number) => onProgress?.(images.length + pictures, total);
  const moves = calibrated ? await calibrate(model, latents, learned, attributes.length, onTried) : learned;
  const directions = directionsOf(moves, attributes.length, how);
  return Object.fromEntries(
    attributes.map(({ name, values }) => {
      const count = fitted.filter((image) => !Number.isNaN(values[image] as number)).length;
      const missing = values.filter(Number.isNaN).length;
      return [name, { ...(directions[name] as Direction), fitted: { count, missing } }];
    }),
  );
}

function checkNames(
  attributes: readonly Attribute[],
  held: readonly Attribute[],
  method: DirectionOptions["method"],
): void {
  if (method === "pca") {
    if (attributes.length === 0 && held.length === 0) return;
    const flag = attributes.length > 0 ? "--attribute" : "--hold";
    throw new ConfigError(`--method pca learns without labels: leave ${flag} out`);
  }
  if (attributes.length === 0) {
    throw new ConfigError("--attribute is missing: give one or more, such as smile=expression:happiness/neutral");
  }
  const names = attributes.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigError(`--attribute: two are called ${twice}; name them apart, as in a=...`);
  const both = held.find(({ name }) => names.includes(name));
  if (both !== undefined) {
    throw new ConfigError(
      `--hold: ${both.name} is also an --attribute, and cannot move and stay: leave one of them out`,
    );
  }
}

/** Images with at least one of the attributes to learn, or all for pca; evenly over the pack. */
function chooseImages(pack: Pack, attributes: readonly Attribute[], { count }: DirectionOptions) {
  const isKnown = (image: number) =>
    attributes.length === 0 || attributes.some(({ values }) => !Number.isNaN(values[image] as number));
  const held = new Set(pack.splits.test);
  const test = Uint32Array.from(held).filter(isKnown);
  const others = Uint32Array.from({ length: pack.count }, (_, i) => i).filter(
    (image) => !held.has(image) && isKnown(image),
  );
  const most = Math.ceil(count / heldOutShare);
  if (attributes.length === 0) return { fitted: [...evenly(others, count)], heldOut: [] };
  if (test.length >= leastImages) return { fitted: [...evenly(others, count)], heldOut: [...evenly(test, most)] };
  const chosen = [...evenly(others, count + most)];
  return {
    fitted: chosen.filter((_, i) => i % heldOutShare !== heldOutShare - 1),
    heldOut: chosen.filter((_, i) => i % heldOutShare === heldOutShare - 1),
  };
}

/** @returns [count * latent] */
async function encodeImages(
  model: Model,
  pack: Pack,
  images: readonly number[],
  onDone: (images: number) => void,
): Promise<Float32Array> {
  const pixels = new PackPixels(pack);
  const latents = new Float32Array(images.length * model.latent);
  try {
    for (let start = 0; start < images.length; start += batch) {
      const part = images.slice(start, start + batch);
      const x = pixels.images(part, phaseOf(model.resolution) as number);
      const values = x.toFloat32Array();
      x.dispose();
      latents.set(await model.encode(values, part.length), start * model.latent);
      onDone(start + part.length);
    }
  } finally {
    pixels.dispose();
  }
  return latents;
}
