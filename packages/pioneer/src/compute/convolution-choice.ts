// Which precision a phase is computed in, and how its convolutions: a function of measured times.
import type { ConvolutionForm, ConvolutionLayer, LayerForm, PassForms } from "pioneer-torch";

/** What a run can be computed in; float64 is for tests. */
export type RunPrecision = "fp32" | "bf16";

/** A way to compute a layer; taps stands for direct passes beside it. */
export type Way = `${RunPrecision} ${ConvolutionForm}`;

/** Seconds that one image takes through a layer. */
export interface PassTimes {
  /** The convolution and what follows it. */
  readonly forward: number;
  /** The gradient of what went in, from that of what came out. */
  readonly toData: number;
  readonly toWeights: number;
}

export const passNames = ["forward", "toData", "toWeights"] as const satisfies (keyof PassTimes)[];

/** Of a layer, in the ways that were measured. */
export type LayerTimes = Readonly<Partial<Record<Way, PassTimes>>>;

/** A layer and how often one image of a step passes it. */
export interface LayerUse {
  readonly layer: ConvolutionLayer;
  readonly forward: number;
  readonly toData: number;
  readonly toWeights: number;
}

/** By the names of layers; those that are not in it are computed directly. */
export type FormsByLayer = Readonly<Record<string, LayerForm>>;

/** Images per second of a phase's convolutions alone, all computed in one way. */
export interface WaySpeed {
  readonly way: Way;
  readonly imagesPerSecond: number;
}

export interface PhaseChoice {
  readonly precision: RunPrecision;
  readonly convolutions: FormsByLayer;
  /** As chosen. */
  readonly imagesPerSecond: number;
  /** Of the ways that may be taken, the fastest first. */
  readonly speeds: readonly WaySpeed[];
  /** Kinds of layers that had a choice of forms. */
  readonly choosable: number;
}

/** "512>256 32x32", and "512>256 32x32 enlarged" for one that gives 64x64: the name of a layer in checkpoints and files. */
export const layerName = ({ into, out, side, enlarging }: ConvolutionLayer): string =>
  `${into}>${out} ${side}x${side}${enlarging ? " enlarged" : ""}`;

/** What is not faster by this factor is no reason to leave the more exact way: float32, and direct convolutions. */
const leastGain = 1.05;

/**
 * For each precision every pass of a layer takes its fastest form, those of an enlarging layer one together; then the faster
 * precision is taken.
 * @param uses        the layers of the phase, at least one
 * @param timesOf     what was measured of a layer, in the forms that it may take; all layers in the same precisions
 * @param precisions  those that may be chosen, at least one
 */
export function choosePhase(
  uses: readonly LayerUse[],
  timesOf: (layer: ConvolutionLayer) => LayerTimes,
  precisions: readonly RunPrecision[],
): PhaseChoice {
  const layers = uses.map((use) => ({ use, times: timesOf(use.layer) }));
  const mixed = precisions.map((precision) => {
    const chosen = layers.map(({ use, times }) => ({ use, ...fastestForm(use, formsIn(use.layer, times, precision)) }));
    const entries = chosen.filter(({ form }) => form !== "direct").map(({ use, form }) => [layerName(use.layer), form]);
    const seconds = chosen.reduce((sum, entry) => sum + entry.seconds, 0);
    return { precision, seconds, convolutions: Object.fromEntries(entries) as FormsByLayer };
  });
  const best = mixed.reduce((first, other) => {
    const gain = first.seconds / other.seconds;
    return (other.precision === "fp32" ? gain * leastGain > 1 : gain > leastGain) ? other : first;
  });
  const ways = [...new Set(layers.flatMap(({ times }) => Object.keys(times) as Way[]))];
  const speeds = ways
    .filter((way) => precisions.some((precision) => way.startsWith(precision)))
    .filter((way) => layers.every(({ times }) => timesInWay(times, way)))
    .map((way) => ({ way, imagesPerSecond: 1 / layers.reduce((sum, layer) => sum + secondsInWay(layer, way), 0) }));
  return {
    precision: best.precision,
    convolutions: best.convolutions,
    imagesPerSecond: 1 / best.seconds,
    speeds: speeds.sort((a, b) => b.imagesPerSecond - a.imagesPerSecond),
    choosable: new Set(
      layers
        .filter(({ use, times }) => formsIn(use.layer, times, best.precision).size > 1)
        .map(({ use }) => layerName(use.layer)),
    ).size,
  };
}

interface TimedLayer {
  readonly use: LayerUse;
  readonly times: LayerTimes;
}

/** A layer that has no such form is computed directly beside those that have, where it may be. */
function timesInWay(times: LayerTimes, way: Way): PassTimes | undefined {
  const [precision] = way.split(" ") as [RunPrecision];
  return times[way] ?? times[`${precision} direct`];
}

const secondsInWay = ({ use, times }: TimedLayer, way: Way): number =>
  secondsOf(use, timesInWay(times, way) as PassTimes);

const secondsOf = (use: LayerUse, times: PassTimes): number =>
  passNames.reduce((sum, pass) => sum + use[pass] * times[pass], 0);

type FormTimes = ReadonlyMap<ConvolutionForm, PassTimes>;

/** @throws Error where the layer was not measured in this precision: the caller measured too little */
function formsIn(layer: ConvolutionLayer, times: LayerTimes, precision: RunPrecision): FormTimes {
  const ways = Object.entries(times).filter(([way]) => way.startsWith(precision));
  if (ways.length === 0) throw new Error(`${layerName(layer)} was not measured in ${precision}`);
  return new Map(ways.map(([way, passes]) => [way.split(" ")[1] as ConvolutionForm, passes]));
}

function fastestForm(use: LayerUse, forms: FormTimes): { form: LayerForm; seconds: number } {
  if (use.layer.enlarging) {
    const form = fastest(forms, (times) => secondsOf(use, times));
    return { form, seconds: secondsOf(use, forms.get(form) as PassTimes) };
  }
  const chosen = passNames.map((pass) => {
    // Taps is direct but for one pass: no form of the others, unless it is the only one.
    const possible =
      pass === "toWeights" || forms.size === 1 ? forms : new Map([...forms].filter(([form]) => form !== "taps"));
    const form = fastest(possible, (times) => times[pass]);
    return { pass, form, seconds: use[pass] * (forms.get(form) as PassTimes)[pass] };
  });
  const form = Object.fromEntries(chosen.map(({ pass, form }) => [pass, form])) as unknown as PassForms;
  return { form: shortForm(form), seconds: chosen.reduce((sum, { seconds }) => sum + seconds, 0) };
}

function fastest(forms: FormTimes, secondsOf: (times: PassTimes) => number): ConvolutionForm {
  const [best] = [...forms].reduce((first, other) => {
    const gain = secondsOf(first[1]) / secondsOf(other[1]);
    return (other[0] === "direct" ? gain * leastGain > 1 : gain > (first[0] === "direct" ? leastGain : 1))
      ? other
      : first;
  });
  return best;
}

/** By its name, where it has one. */
function shortForm(form: PassForms): LayerForm {
  const { forward, toData, toWeights } = form;
  if (forward !== toData) return form;
  if (toWeights === forward) return forward;
  return forward === "direct" && toWeights === "taps" ? "taps" : form;
}
