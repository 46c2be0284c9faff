// Precision and convolutions by phase, from times of their layers on this machine.
import type { ConvolutionForm, ConvolutionLayer } from "pioneer-torch";
import { choosePhase, type LayerUse, type PhaseChoice, type RunPrecision, type Way } from "./convolution-choice.ts";
import { knownTimes } from "./known-times.ts";
import { shapeName, timedShape, timesOfLayer, waysOf } from "./layer-times.ts";

export interface LayerOptions {
  /** Images of a step at a resolution. */
  readonly batchAt: (resolution: number) => number;
  /** That may be chosen. */
  readonly precisions: readonly RunPrecision[];
  /** The form a layer is computed in whatever is fastest; without it forms are chosen. */
  readonly asked?: ((layer: ConvolutionLayer) => ConvolutionForm) | undefined;
  readonly threads: number;
  /** Folder of the file that keeps times. */
  readonly folder: string;
  /** Told how far the timing is, where it takes long. */
  readonly log?: (text: string) => void;
}

export interface LayerChoices {
  readonly phases: ReadonlyMap<number, PhaseChoice>;
  /** Where the times are from. */
  readonly told: string;
}

/**
 * Chooses for each phase; layers that were not timed before on this machine are timed now.
 * @param phases the layers of each
 * @returns undefined where there is nothing to choose between
 */
export async function chooseLayers(
  phases: ReadonlyMap<number, readonly LayerUse[]>,
  { batchAt, precisions, asked, threads, folder, log = () => {} }: LayerOptions,
): Promise<LayerChoices | undefined> {
  const timed = (layer: ConvolutionLayer) => timedShape(layer, batchAt(layer.enlarging ? 2 * layer.side : layer.side));
  const ways = (layer: ConvolutionLayer): Way[] =>
    asked ? precisions.map((precision): Way => `${precision} ${asked(layer)}`) : waysOf(timed(layer).layer, precisions);
  const layers = [...phases.values()].flatMap((uses) => uses.map(({ layer }) => layer));
  if (layers.every((layer) => ways(layer).length < 2)) return undefined;
  const wanted = new Map(layers.map((layer) => [shapeName(timed(layer)), { shape: timed(layer), ways: ways(layer) }]));
  const { times, told } = await knownTimes([...wanted.values()], threads, folder, log);
  const timesOf = (layer: ConvolutionLayer) => {
    const known = times.get(shapeName(timed(layer))) ?? {};
    return timesOfLayer(layer, timed(layer), Object.fromEntries(ways(layer).map((way) => [way, known[way]])));
  };
  return { phases: new Map([...phases].map(([phase, uses]) => [phase, choosePhase(uses, timesOf, precisions)])), told };
}
