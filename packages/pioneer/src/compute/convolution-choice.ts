// Which precision a phase is computed in, and how its convolutions: a function of measured times.
import type { ConvolutionForm, ConvolutionLayer } from "pioneer-torch";

/** What a run can be computed in; float64 is for tests. */
export type RunPrecision = "fp32" | "bf16";

/** A way to compute a layer. */
export type Way = `${RunPrecision} ${ConvolutionForm}`;

/** Seconds that one image takes through a layer. */
export interface PassTimes {
  /** The convolution and what follows it. */
  readonly forward: number;
  /** The gradient of what went in, from that of what came out. */
  readonly toData: number;
  readonly toWeights: number;
}

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
export type FormsByLayer = Readonly<Record<string, ConvolutionForm>>;

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
  /** Of what was measured, the fastest first. */
  readonly speeds: readonly WaySpeed[];
  /** Layers that had a choice of forms. */
  readonly choosable: number;
}

/** "512>256 32x32", and "512>256 32x32 enlarged" for one that gives 64x64: the name of a layer in checkpoints and files. */
export const layerName = ({ into, out, side, enlarging }: ConvolutionLayer): string =>
  `${into}>${out} ${side}x${side}${enlarging ? " enlarged" : ""}`;

/** What is not faster by this factor is no reason to leave the more exact way: float32, and direct convolutions. */
const leastGain = 1.05;

/**
 * For each precision every layer takes its fastest form; then the faster precision is taken.
 * @param uses        the layers of the phase, at least one
 * @param timesOf     what was measured of a layer; all layers in the same precisions
 * @param precisions  those that may be chosen, at least one
 */
export function choosePhase(
  uses: readonly LayerUse[],
  timesOf: (layer: ConvolutionLayer) => LayerTimes,
  precisions: readonly RunPrecision[],
): PhaseChoice {
  const layers = uses.map((use) => ({ use, times: timesOf(use.layer) }));
  const mixed = precisions.map((precision) => {
    const chosen = layers.map(({ use, times }) => ({ use, ...fastestForm(use, times, precision) }));
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
    .map((way) => ({ way, imagesPerSecond: 1 / layers.reduce((sum, layer) => sum + secondsInWay(layer, way), 0) }));
  return {
    precision: best.precision,
    convolutions: best.convolutions,
    imagesPerSecond: 1 / best.seconds,
    speeds: speeds.sort((a, b) => b.imagesPerSecond - a.imagesPerSecond),
    choosable: layers.filter(({ times }) => waysIn(times, best.precision).length > 1).length,
  };
}

interface TimedLayer {
  readonly use: LayerUse;
  readonly times: LayerTimes;
}

/** A layer that has no such form is computed directly beside those that have. */
function secondsInWay({ use, times }: TimedLayer, way: Way): number {
  const [precision] = way.split(" ") as [RunPrecision];
  return secondsOf(use, times[way] ?? (times[`${precision} direct`] as PassTimes));
}

const secondsOf = (use: LayerUse, times: PassTimes): number =>
  use.forward * times.forward + use.toData * times.toData + use.toWeights * times.toWeights;

const waysIn = (times: LayerTimes, precision: RunPrecision) =>
  (Object.keys(times) as Way[]).filter((way) => way.startsWith(precision));

/** @throws Error where the layer was not measured in this precision: the caller measured too little */
function fastestForm(use: LayerUse, times: LayerTimes, precision: RunPrecision) {
  const direct = times[`${precision} direct`];
  if (!direct) throw new Error(`${layerName(use.layer)} was not measured in ${precision}`);
  const forms = waysIn(times, precision).map((way) => ({
    form: way.split(" ")[1] as ConvolutionForm,
    seconds: secondsOf(use, times[way] as PassTimes),
  }));
  return forms.reduce(
    (first, other) => (first.seconds > other.seconds * (first.form === "direct" ? leastGain : 1) ? other : first),
    { form: "direct" as ConvolutionForm, seconds: secondsOf(use, direct) },
  );
}
