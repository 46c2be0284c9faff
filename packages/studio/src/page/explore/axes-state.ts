import { get, set } from "idb-keyval";
import { type DirectionsFile, sampleLatents } from "pioneer-runtime";
import { edit as move, whenNeeded } from "pioneer-runtime/internal";
import { useMemo } from "react";
import { create } from "zustand";
import type { TeachWorker } from "../engine/teach-worker.ts";
import { reduced } from "../image/planes.ts";
import { decodeInLine } from "../state/engines.ts";
import { modelNow, useModels } from "../state/models.ts";
import { notify, report } from "../state/notices.ts";
import { sampleOf } from "../state/samples.ts";
import { allDirections, type Direction, forget, teach, useDirections } from "../state/shelf.ts";
import { strongest } from "../ui/strength-slider.tsx";

// Walking along what varies most among a model's pictures: axes, found in the page or by `pioneer directions --method pca`.

/** A way to walk. Once it was given a name of the person's own it is a direction like any other. */
export interface Axis {
  readonly name: string;
  readonly named: boolean;
  readonly direction: Direction;
}

type Directions = Readonly<Record<string, Direction>>;

interface Axes {
  /** Of the model that they are of. */
  readonly key: string;
  readonly found: readonly Direction[];
  /** Pictures that were looked at so far, of how many. */
  readonly finding: { readonly done: number; readonly total: number; readonly stop: AbortController } | undefined;
  /** The latent where the walk begins. */
  readonly base: Float32Array | undefined;
  /** How far along each axis, in spreads. */
  readonly strengths: readonly number[];
  /** The same when the last gesture ended: the map is made for it. */
  readonly settled: readonly number[];
  /** Axes of the pad. */
  readonly across: number;
  readonly down: number;
}

const axisCount = 8;
const [seed, firstBase] = [2021, 31];
/** Features of a picture: 16 x 16 pixels say what varies on the whole. */
const featureSide = 16;
/** So many pictures for each number of a latent say enough, within reason. */
const countFor = (latent: number) => Math.max(256, Math.min(1536, 6 * latent));

const none = Array<number>(axisCount).fill(0);
const untouched = { strengths: none, settled: none, across: 0, down: 1 };

export const useAxes = create<Axes>(() => ({ key: "", found: [], finding: undefined, base: undefined, ...untouched }));

const place = (key: string) => `pioneer-studio axes ${key}`;

/** Begins with the model's own axes or those that were found before, unless it was begun with this model. */
export async function beginAxes(): Promise<void> {
  const { key } = modelNow();
  if (useAxes.getState().key === key) return;
  useAxes.getState().finding?.stop.abort();
  useAxes.setState({ key, found: ofModel(), base: sampleOf(firstBase).latent, ...untouched });
  if (useAxes.getState().found.length > 0) return;
  try {
    const kept = await get<readonly Direction[]>(place(key));
    if (kept && useAxes.getState().key === key) useAxes.setState({ found: kept });
  } catch {
    // A browser that keeps nothing: they are found again.
  }
}

function ofModel(): Direction[] {
  const { directions } = useModels.getState().directions;
  return Object.values(directions)
    .filter(({ method }) => method === "pca")
    .slice(0, axisCount);
}

const worker = whenNeeded<TeachWorker>(
  () => new Worker(new URL("../engine/teach-worker.ts", import.meta.url), { type: "module" }),
);

export const stopFinding = () => useAxes.getState().finding?.stop.abort();

/** Has some hundreds of pictures made, and finds along which latents they differ most. */
export async function findAxes(): Promise<void> {
  const { key, config } = modelNow();
  const { latent, resolution } = config;
  const total = countFor(latent);
  const stop = new AbortController();
  const tell = (done: number) => useAxes.setState({ finding: { done, total, stop } });
  tell(0);
  try {
    const latents = sampleLatents(total, latent, seed);
    const features: Float32Array[] = [];
    const atOnce = 16;
    for (let at = 0; at < total; at += atOnce) {
      const some = latents.slice(at * latent, (at + atOnce) * latent);
      const images = await decodeInLine(some, latent, stop.signal);
      stop.signal.throwIfAborted();
      features.push(...reduced(images, resolution, Math.min(resolution, featureSide)));
      tell(features.length);
    }
    const found = await worker().call("components", latents, features, axisCount);
    stop.signal.throwIfAborted();
    useAxes.setState({ found, ...untouched });
    // That they are not kept is no loss: finding them again gives the same.
    await set(place(key), found).catch(() => undefined);
  } catch (error) {
    report(error);
  }
  if (useAxes.getState().finding?.stop === stop) useAxes.setState({ finding: undefined });
}

/** The axes under the names that they were given. */
export function useNamedAxes(): readonly Axis[] {
  const found = useAxes((state) => state.found);
  const directions = useDirections();
  return useMemo(() => found.map((direction, i) => axisOf(direction, i, directions)), [found, directions]);
}

function axisOf(direction: Direction, index: number, directions: Directions): Axis {
  const same = ({ vector }: Direction) => vector.every((value, i) => value === direction.vector[i]);
  // What was taught here comes after the model's own.
  const name = Object.keys(directions).findLast((each) => same(directions[each] as Direction));
  return { name: name ?? `Axis ${index + 1}`, named: name !== undefined, direction };
}

/** The name of an axis as a person gives it: it is a slider in Edit then. Without a name it is none any more. */
export function nameAxis({ name: before, named, direction }: Axis, text: string): void {
  const name = text.trim();
  if (name === (named ? before : "")) return;
  if (Object.hasOwn(allDirections().directions, name)) {
    notify("problem", `there is a direction "${name}" already: take another name`);
    return;
  }
  if (named) forget(before);
  if (name !== "") teach(name, direction);
}

const within = (value: number) => Math.max(-strongest, Math.min(strongest, value));

export function walk(changes: Readonly<Record<number, number>>): void {
  useAxes.setState(({ strengths }) => ({ strengths: strengths.map((old, i) => within(changes[i] ?? old)) }));
}

export const walkEnded = () => useAxes.setState(({ strengths }) => ({ settled: strengths }));
export const backToBase = () => useAxes.setState({ strengths: none, settled: none });
export const beginAt = (base: Float32Array) => useAxes.setState({ base, strengths: none, settled: none });

/** The two change places where both would be the same axis. */
export function layOut(which: "across" | "down", axis: number): void {
  useAxes.setState(({ across, down }) => {
    if (axis === (which === "across" ? down : across)) return { across: down, down: across };
    return which === "across" ? { across: axis } : { down: axis };
  });
}

/** The latent so far along each axis from where the walk began. */
export function latentAlong(base: Float32Array, axes: readonly Axis[], strengths: readonly number[]): Float32Array {
  const directions = Object.fromEntries(axes.map(({ direction }, i) => [`${i}`, direction]));
  const file: DirectionsFile = { format: 1, latent: base.length, directions };
  return move(base, Object.fromEntries(axes.map((_, i) => [`${i}`, strengths[i] ?? 0])), file);
}
