// Times of layers on this machine: from the file, and for those that are not in it, timed now.
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { capabilities, setThreads } from "pioneer-torch";
import { PatientLog } from "../base/patience.ts";
import type { LayerTimes, Way } from "./convolution-choice.ts";
import { shapeName, type TimedShape, timeLayer } from "./layer-times.ts";
import { busyWithOthers, computed, mostOthers, processorName } from "./processor.ts";
import { addTimes, readTimes, timesFileName } from "./times-file.ts";

/** Time for all layers together, beside two turns of each. */
const budgetSeconds = 1.5;

/** A layer as it is to be timed, and the ways that are wanted of it. */
export interface WantedTimes {
  readonly shape: TimedShape;
  readonly ways: readonly Way[];
}

export interface KnownTimes {
  /** By the names of shapes: in the wanted ways at least. */
  readonly times: ReadonlyMap<string, LayerTimes>;
  /** What was done, in a line. */
  readonly told: string;
}

/** All that the times of a layer depend on beside the layer. A virtual machine may hide units that its processor has. */
export function machineName(threads: number): string {
  const { libtorch, cpuBf16 } = capabilities();
  return [processorName(), ...cpuBf16, `libtorch ${libtorch}`, `${threads} threads`].join(", ");
}

/**
 * @param folder of the file that keeps times
 * @param log    told how far this is, where it takes long
 */
export async function knownTimes(
  wanted: readonly WantedTimes[],
  threads: number,
  folder: string,
  log: (text: string) => void,
): Promise<KnownTimes> {
  const path = join(folder, timesFileName);
  const machine = machineName(threads);
  const times = new Map(readTimes(path, machine));
  const missing = wanted.filter(({ shape, ways }) => ways.some((way) => !times.get(shapeName(shape))?.[way]));
  if (missing.length === 0) return { times, told: `as measured before, ${path}` };
  const patient = new PatientLog(log);
  const [began, before] = [performance.now(), computed()];
  const fresh = new Map<string, LayerTimes>();
  const disturbed = new Set<string>();
  setThreads(threads);
  for (const [i, { shape, ways }] of missing.entries()) {
    patient.doing(`timing convolutions: ${i} of ${missing.length}`);
    const { times, settled } = timeLayer(shape, ways, budgetSeconds / missing.length);
    fresh.set(shapeName(shape), times);
    if (!settled) disturbed.add(shapeName(shape));
    await setImmediate(); // lets messages out and signals in
  }
  const took = (performance.now() - began) / 1000;
  // Turns that all wait alike agree as well. One thread is timed by what it computes itself.
  if (threads > 1 && busyWithOthers(before, computed(), took) > mostOthers) {
    for (const name of fresh.keys()) disturbed.add(name);
  }
  const seconds = took.toFixed(1);
  const all = new Map([...times, ...fresh]);
  const worthKeeping = new Map([...fresh].filter(([name]) => !disturbed.has(name)));
  const refusal = await addTimes(path, machine, worthKeeping);
  if (refusal !== undefined) return { times: all, told: `measured in ${seconds} s, not kept, ${refusal}` };
  const beside = `, beside other work: ${disturbed.size} of ${missing.length} layers will be timed again`;
  return { times: all, told: `measured in ${seconds} s${disturbed.size > 0 ? beside : ""}, kept in ${path}` };
}
