// What an edit does to images, in attributes that are read off their pixels: how far each goes when a latent is moved along one's
// direction. Of drawn faces the labels are the truth; of photos they are what somebody, or a network, said of them.
import {
  type Attribute,
  decodeAll,
  directionsFromPack,
  encodeAll,
  evenly,
  findAttribute,
  openPack,
  type Pack,
  PackPixels,
  phaseOf,
} from "pioneer-networks/torch";
import type { DirectionsFile } from "pioneer-runtime";
import { edit, type Model } from "pioneer-runtime/internal";
import { scope, tensor } from "pioneer-torch";
import { shareNearestOwn } from "./nearest.ts";
import { Regressor } from "./regressor.ts";

export interface EditingTrial {
  readonly model: Model;
  /** A pack with labels; its split `test` is what is edited. */
  readonly pack: string;
  /** Attributes to learn directions of, and to read off the pixels: as `directions --attribute` takes them. */
  readonly parameters: readonly string[];
  /** Training steps of the network that reads. */
  readonly steps: number;
  readonly seed: number;
  /** Images to learn directions from, at most. */
  readonly count: number;
  readonly onProgress?: (line: string) => void;
}

/** How well one attribute is read off images whose label is known; R² of 1 is perfect. */
export interface Legibility {
  /** R² on images that the network has not seen. */
  readonly original: number;
  /** R² on what the model makes of them: what it keeps, and the network can still read. */
  readonly reconstructed: number;
  /** Deviation of the readings over the unseen images, in the label's deviations: less than 1 where it reads with caution. */
  readonly spread: number;
}

/** [direction moved][attribute read]: how many of its deviations the attribute goes when the strength goes up by 1. */
export type Effects = readonly (readonly number[])[];

export interface Editing {
  readonly parameters: readonly string[];
  /** Held-out images that were edited. */
  readonly images: number;
  readonly legibility: readonly Legibility[];
  /** Of the labels over the training images that have both: what goes together in the data. */
  readonly correlations: Effects;
  /** Share of reconstructions whose nearest photo of the held-out ones is their own: 1 / images by chance. */
  readonly ownNearest: number;
  readonly methods: readonly EditedBy[];
}

/** How directions were learned. */
export interface Way {
  readonly method: "mean" | "linear";
  readonly orthogonal: boolean;
  readonly calibrate: boolean;
}

/** In words. */
export const wayOf = ({ method, orthogonal, calibrate }: Way): string =>
  [method, ...(orthogonal ? ["orthogonal"] : []), ...(calibrate ? ["calibrated"] : [])].join(", ");

export interface EditedBy extends Way {
  /** R² (of categories: mean accuracy of both sides) of the place along each direction, on held-out latents. */
  readonly scores: readonly number[];
  readonly effects: Effects;
  /** Largest standard error of an effect, over images. */
  readonly standardError: number;
  /**
   * By direction: share of edits by +1 and -1 whose nearest reconstruction of the held-out images is that of their own, which
   * is as far as pixels tell whether somebody is still the same.
   */
  readonly ownNearest: readonly number[];
}

export interface EffectsSummary {
  /** Mean sizes of effects: on the attribute that is meant, and on the others. */
  readonly own: number;
  readonly others: number;
  readonly largestOther: number;
  /** Edits that move their attribute by 0.5 deviations a unit or more, and none of the others by more than a third of that. */
  readonly clean: number;
}

/** Images edited, at most. */
const mostEdited = 1000;
const batch = 50;

/** Means made orthogonal are left out: of many attributes one always lies nearly in the span of the others' means. */
const learnedBy = [
  { method: "mean", orthogonal: false, calibrate: false },
  { method: "linear", orthogonal: false, calibrate: false },
  { method: "linear", orthogonal: true, calibrate: false },
  { method: "linear", orthogonal: true, calibrate: true },
] as const satisfies readonly Way[];

/** Directions by each method, the effect of strength ±1 on held-out images, read by a network trained on the pack's own. */
export async function measureEditing(trial: EditingTrial): Promise<Editing> {
  const { model, steps, seed, onProgress } = trial;
  const pack = openPack(trial.pack);
  const attributes = trial.parameters.map((text) => findAttribute(text, pack, "--parameters"));
  // First, as it may refuse labels or pack.
  const learned = await learnAll(trial, pack);
  const [train, test] = [
    [...(pack.splits.train ?? [])],
    [...evenly(pack.splits.test ?? new Uint32Array(), mostEdited)],
  ];
  const labels = attributes.map(({ values }) => standardised(values, train));
  const pixels = new PackPixels(pack);
  const images = (rows: readonly number[]) => pixels.images(rows, phaseOf(model.resolution) as number);
  const onStep = (step: number, error: number) => {
    if (step % 200 === 0 || step === steps)
      onProgress?.(`reading: step ${step} of ${steps}, error ${error.toFixed(3)}`);
  };
  const data = { images, train, values: labels, resolution: model.resolution };
  const regressor = Regressor.train(data, { steps, seed, onStep });
  try {
    const read = (of: Float32Array) => readAll(regressor, of, model.resolution, attributes.length);
    const originals = scope(() => images(test).toFloat32Array());
    const latents = await encodeAll(model, originals);
    const reconstructions = await decodeAll(model, latents);
    const wanted = labels.map((values) => test.map((row) => values[row] as number));
    const methods: EditedBy[] = [];
    for (const { directions, ...way } of learned) {
      onProgress?.(`editing: ${wayOf(way)}`);
      const scores = attributes.map(({ name }) => directions.directions[name]?.heldOut?.value ?? Number.NaN);
      methods.push({ ...way, scores, ...(await moveAll(model, directions, latents, reconstructions, read)) });
    }
    return {
      parameters: attributes.map(({ name }) => name),
      images: test.length,
      legibility: legibilityOf(wanted, read(originals), read(reconstructions)),
      correlations: labels.map((a) => labels.map((b) => correlationOf(a, b, train))),
      ownNearest: shareNearestOwn(reconstructions, originals, test.length),
      methods,
    };
  } finally {
    regressor.dispose();
    pixels.dispose();
  }
}

async function learnAll({ model, parameters, count, onProgress }: EditingTrial, pack: Pack) {
  const learned: (Way & { directions: DirectionsFile })[] = [];
  for (const way of learnedBy) {
    onProgress?.(`learning: ${wayOf(way)}`);
    const directions = await directionsFromPack(model, pack, { ...way, attributes: parameters, count });
    learned.push({ ...way, directions: { format: 1, latent: model.latent, directions } });
  }
  return learned;
}

/** Moves all latents by +1 and -1 along each direction, and reads what comes of it. */
async function moveAll(
  model: Model,
  file: DirectionsFile,
  latents: Float32Array,
  reconstructions: Float32Array,
  read: (images: Float32Array) => number[][],
): Promise<Pick<EditedBy, "effects" | "standardError" | "ownNearest">> {
  const count = latents.length / model.latent;
  const [effects, ownNearest]: [number[][], number[]] = [[], []];
  let standardError = 0;
  for (const name of Object.keys(file.directions)) {
    const move = async (strength: number) => {
      const images = await decodeAll(model, edit(latents, { [name]: strength }, file));
      return { values: read(images), own: shareNearestOwn(images, reconstructions, count) };
    };
    const [down, up] = [await move(-1), await move(1)];
    const moved = up.values.map((column, i) =>
      column.map((value, row) => (value - (down.values[i]?.[row] as number)) / 2),
    );
    effects.push(moved.map(meanOf));
    standardError = Math.max(standardError, ...moved.map((values) => deviationOf(values) / Math.sqrt(count)));
    ownNearest.push((down.own + up.own) / 2);
  }
  return { effects, standardError, ownNearest };
}

/** @returns [attribute][image] */
function readAll(regressor: Regressor, images: Float32Array, resolution: number, attributes: number): number[][] {
  const size = 3 * resolution ** 2;
  const values: number[] = [];
  for (let start = 0; start < images.length / size; start += batch) {
    const part = images.slice(start * size, (start + batch) * size);
    scope(() => values.push(...regressor.read(tensor(part, [part.length / size, 3, resolution, resolution]))));
  }
  return Array.from({ length: attributes }, (_, i) => values.filter((_value, at) => at % attributes === i));
}

/** @param wanted [attribute][image], NaN where it is not known */
function legibilityOf(
  wanted: readonly number[][],
  original: readonly number[][],
  reconstructed: readonly number[][],
): Legibility[] {
  return wanted.map((values, i) => ({
    original: r2(original[i] as number[], values),
    reconstructed: r2(reconstructed[i] as number[], values),
    spread: deviationOf(original[i] as number[]),
  }));
}

/** An edit does what it says when its attribute goes this far, and no other further than this share of that. */
const clean = { own: 0.5, others: 1 / 3 };

/** What an effect matrix says in four numbers. */
export function summaryOf(effects: Effects): EffectsSummary {
  const own = effects.map((row, i) => Math.abs(row[i] as number));
  const others = effects.flatMap((row, i) => row.filter((_, j) => j !== i).map(Math.abs));
  const doWhatTheySay = effects.filter((row, i) => {
    const meant = row[i] as number;
    return meant >= clean.own && row.every((effect, j) => j === i || Math.abs(effect) <= clean.others * meant);
  });
  return {
    own: meanOf(own),
    others: meanOf(others),
    largestOther: Math.max(...others),
    clean: doWhatTheySay.length,
  };
}

/** Mean 0 and deviation 1 over those of some rows that have a value. */
function standardised(values: Attribute["values"], rows: readonly number[]): Float64Array {
  const known = rows.map((row) => values[row] as number).filter((value) => !Number.isNaN(value));
  const [mean, deviation] = [meanOf(known), deviationOf(known)];
  return values.map((value) => (value - mean) / deviation);
}

/** Of two standardised labels over the rows that have both. */
function correlationOf(a: Float64Array, b: Float64Array, rows: readonly number[]): number {
  return meanOf(rows.map((row) => (a[row] as number) * (b[row] as number)).filter((product) => !Number.isNaN(product)));
}

/** Over the images whose value is known. */
function r2(read: readonly number[], wanted: readonly number[]): number {
  const known = wanted.filter((value) => !Number.isNaN(value));
  const mean = meanOf(known);
  const missed = wanted.reduce(
    (sum, value, i) => (Number.isNaN(value) ? sum : sum + (value - (read[i] as number)) ** 2),
    0,
  );
  return 1 - missed / known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
}
